"""Django's admin as an app, with the house's own way in."""

from django.contrib.admin.apps import AdminConfig


class OperatorConfig(AdminConfig):
    """The operator's pages."""

    default_site = "revidweb.web.operator.OperatorSite"
