"""Connections, as the operator reads them: how each fares, and nothing of its key."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from revidweb.lib.readonly_admin import ReadOnly, asking, yes

from . import failing
from .models import Connection


class Fares(admin.SimpleListFilter):
    """Whether it needs somebody's look."""

    title = _("how it fares")
    parameter_name = "fares"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The one thing to look for."""
        return [("failing", _("Failing"))]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Connection]") -> "QuerySet[Connection]":
        """Those, where it is asked for."""
        return queryset.filter(pk__in=failing.failing()) if self.value() == "failing" else queryset


@admin.register(Connection)
class ConnectionAdmin(ReadOnly):
    """Tenants' accounts at providers."""

    icon = "plug"
    list_display = ("name", "tenant", "trouble", "failing_since", "is_on", "provider", "last_contact_at")
    list_filter = (Fares, "provider", "trouble", ("is_enabled", asking(_("switched on"))))
    list_select_related = ("tenant",)
    search_fields = ("public_id__exact", "tenant__slug__exact")
    search_help_text = _("A connection's id, or a tenant's address.")
    fields = (
        *("ident", "tenant", "provider", "name", "base_url", "is_on", "disabled_at", "removed_at"),
        *("trouble", "trouble_reason", "trouble_since", "failing_since", "failure", "last_contact_at", "next_check_at"),
        *("balance", "total_slots", "image_slots", "video_slots", "foreign_total", "foreign_image", "foreign_video"),
        *("synced_at", "next_sync_at", "sync_failure", "created_at"),
    )
    readonly_fields = ("base_url",)
    is_on = yes("is_enabled", _("switched on"))

    @admin.display(description=_("address"))
    def base_url(self, connection: Connection) -> str:
        """Where its account is."""
        return connection.credential.base_url if connection.credential else "-"
