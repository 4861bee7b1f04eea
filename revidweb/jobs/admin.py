"""Work, as the operator reads it."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from revidweb.lib.readonly_admin import ReadOnly

from .models import Attempt, Job, Settlement


@admin.register(Job)
class JobAdmin(ReadOnly):
    """What was asked for, and where it stands."""

    icon = "clapperboard"
    list_display = (
        *("public_id", "tenant", "member", "media_model", "state", "credits", "connection", "error_code"),
        *("created_at", "ended_at"),
    )
    list_filter = ("state", "kind")
    list_select_related = ("tenant", "member__person", "member__tenant", "media_model", "connection")
    search_fields = ("public_id__exact", "member__public_id__exact", "tenant__slug__exact")
    search_help_text = _("A job's or a member's id, or a tenant's address.")
    fields = (
        *("public_id", "tenant", "member", "kind", "mode", "media_model", "prompt", "params", "connection", "server"),
        *(
            "price_key",
            "upstream_credits",
            "credits",
            "is_estimate",
            "hold",
            "state",
            "progress",
            "error_code",
            "error",
        ),
        *("cancel_asked_at", "next_look_at", "lease_until", "deadline_at", "looks", "misses", "late_at"),
        *("created_at", "started_at", "ended_at", "retry_of"),
    )


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    """Create calls, and what the provider said."""

    icon = "send"
    list_display = (
        *("id", "job", "number", "connection", "state", "upstream_cost_micros", "upstream_unit", "is_cost_uncertain"),
        *("sent_at", "answered_at"),
    )
    list_filter = ("state", "is_cost_uncertain")
    list_select_related = ("job", "connection")
    search_fields = ("job__public_id__exact",)
    search_help_text = _("A job's id.")
    fields = (
        *("job", "number", "connection", "state", "ticket", "answer", "upstream_cost_micros", "upstream_unit"),
        *("is_cost_uncertain", "sent_at", "answered_at"),
    )


@admin.register(Settlement)
class SettlementAdmin(ReadOnly):
    """Where work and money ended."""

    icon = "scale"
    list_display = ("id", "job", "tenant", "verdict", "credits", "upstream_cost_micros", "is_cost_uncertain", "at")
    list_filter = ("verdict", "is_cost_uncertain")
    list_select_related = ("job", "tenant")
    search_fields = ("job__public_id__exact", "tenant__slug__exact")
    search_help_text = _("A job's id, or a tenant's address.")
