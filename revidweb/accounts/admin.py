"""People, members and hosts, as the operator meets them."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from revidweb.lib.readonly_admin import ReadOnly, asking, yes

from . import hosts, persons
from .models import Host, HostState, Member, Person


@admin.register(Person)
class PersonAdmin(ReadOnly):
    """Persons may be kept from signing in; everything else about them is theirs."""

    icon = "user-round"
    list_display = ("email", "name", "may_sign_in", "is_operator", "last_login")
    list_filter = (("is_active", asking(_("may sign in"))), ("is_staff", asking(_("operator"))))
    search_fields = ("email__exact", "public_id__exact")
    search_help_text = _("A whole e-mail address in small letters, or an id such as per_….")
    fields = ("ident", "email", "name", "may_sign_in", "is_operator", "may_act", "date_joined", "last_login")
    actions = ("deactivate", "activate")
    may_sign_in = yes("is_active", _("may sign in"))
    is_operator = yes("is_staff", _("operator"))
    may_act = yes("is_superuser", _("superuser"))

    @admin.action(permissions=["operate"], description=_("Deactivate: nobody signs in as them"))
    def deactivate(self, request: HttpRequest, rows: "QuerySet[Person]") -> None:
        """End their sessions and let them sign in no more; oneself is left out."""
        self._set_active(request, rows, is_active=False)

    @admin.action(permissions=["operate"], description=_("Activate: let them sign in again"))
    def activate(self, request: HttpRequest, rows: "QuerySet[Person]") -> None:
        """Let them sign in again."""
        self._set_active(request, rows, is_active=True)

    def _set_active(self, request: HttpRequest, rows: "QuerySet[Person]", *, is_active: bool) -> None:
        operator = request.user
        assert isinstance(operator, Person)
        changed = [row for row in rows if persons.set_active(row, is_active=is_active, operator=operator)]
        said = ngettext("%(count)d person was changed.", "%(count)d persons were changed.", len(changed))
        messages.success(request, said % {"count": len(changed)})


@admin.register(Member)
class MemberAdmin(ReadOnly):
    """Who belongs to which tenant."""

    icon = "users"
    list_display = ("person", "tenant", "state", "role", "joined_at")
    list_filter = ("role", "state")
    list_select_related = ("person", "tenant")
    search_fields = ("public_id__exact", "person__email__exact", "tenant__slug__exact")
    search_help_text = _("A member's id, a whole e-mail address, or a tenant's address.")
    fields = ("ident", "person", "tenant", "role", "state", "state_since", "joined_at")


@admin.register(Host)
class HostAdmin(ReadOnly):
    """Hosts that tenants ask for, and the operator's yes or no."""

    icon = "globe"
    nothing = _("Owners and admins ask for a host of their tenant under Settings.")
    list_display = ("name", "tenant", "state", "purpose", "asked_at")
    list_filter = ("state", "purpose")
    list_select_related = ("tenant",)
    search_fields = ("name__exact", "tenant__slug__exact")
    search_help_text = _("A whole host name, or a tenant's address.")
    fields = ("name", "tenant", "purpose", "state", "asked_at", "decided_at")
    actions = ("approve", "refuse")

    @admin.action(permissions=["operate"], description=_("Approve: serve the tenant there"))
    def approve(self, request: HttpRequest, rows: "QuerySet[Host]") -> None:
        """Serve these hosts."""
        self._decide(request, rows, approved=True)

    @admin.action(permissions=["operate"], description=_("Refuse: serve nothing there"))
    def refuse(self, request: HttpRequest, rows: "QuerySet[Host]") -> None:
        """Serve these hosts not, or no longer."""
        self._decide(request, rows, approved=False)

    def _decide(self, request: HttpRequest, rows: "QuerySet[Host]", *, approved: bool) -> None:
        operator = request.user
        assert isinstance(operator, Person)
        for host in rows:
            hosts.decide(host, approved=approved, operator=operator)
        messages.success(request, f"{', '.join(host.name for host in rows)}: {HostState(rows[0].state).label}")
