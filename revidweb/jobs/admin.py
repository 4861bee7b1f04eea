"""Work, as the operator reads it."""

from decimal import Decimal

from django.contrib import admin
from django.utils import formats
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from revidweb.lib.readonly_admin import ReadOnly, asking, words, yes

from .models import Attempt, Job, Settlement


@admin.register(Job)
class JobAdmin(ReadOnly):
    """What was asked for, and where it stands."""

    icon = "clapperboard"
    list_display = ("ident", "tenant", "state", "credits", "member", "model_used", "error_code", "created_at")
    list_filter = ("state", "kind")
    list_select_related = ("tenant", "member__person", "member__tenant", "media_model", "connection")
    search_fields = ("public_id__exact", "member__public_id__exact", "tenant__slug__exact")
    search_help_text = _("A job's or a member's id, or a tenant's address.")
    fields = (
        *(
            "ident",
            "tenant",
            "member",
            "kind",
            "mode",
            "model_used",
            "prompt",
            "params",
            "connection",
            "server",
            "price_key",
        ),
        *("upstream_credits", "credits", "refunded", "estimated", "hold", "state", "progress", "error_code", "error"),
        *("cancel_asked_at", "next_look_at", "lease_until", "deadline_at", "looks", "misses", "late_at"),
        *("created_at", "started_at", "ended_at", "retry_of", "adopted_at"),
    )
    model_used = words("media_model", _("model"))
    estimated = yes("is_estimate", _("estimate"))


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    """Create calls, and what the provider said."""

    icon = "send"
    list_display = ("id", "job", "state", "upstream_cost", "uncertain", "number", "connection", "sent_at")
    list_filter = ("state", ("is_cost_uncertain", asking(_("cost uncertain"))))
    list_select_related = ("job", "connection")
    search_fields = ("job__public_id__exact",)
    search_help_text = _("A job's id.")
    fields = (
        *("job", "number", "connection", "state", "ticket", "answer", "upstream_cost", "uncertain"),
        *("sent_at", "answered_at"),
    )
    uncertain = yes("is_cost_uncertain", _("cost uncertain"))

    @admin.display(description=_("cost at the provider"))
    def upstream_cost(self, attempt: Attempt) -> str | None:
        """What it was charged there, None while nobody knows."""
        return _cost(attempt.upstream_cost_micros, attempt.upstream_unit)


@admin.register(Settlement)
class SettlementAdmin(ReadOnly):
    """Where work and money ended."""

    icon = "scale"
    list_display = ("id", "job", "verdict", "credits", "tenant", "upstream_cost", "uncertain", "at")
    list_filter = ("verdict", ("is_cost_uncertain", asking(_("cost uncertain"))))
    list_select_related = ("job", "tenant")
    search_fields = ("job__public_id__exact", "tenant__slug__exact")
    search_help_text = _("A job's id, or a tenant's address.")
    fields = ("job", "tenant", "verdict", "credits", "upstream_cost", "uncertain", "at")
    uncertain = yes("is_cost_uncertain", _("cost uncertain"))

    @admin.display(description=_("cost at the provider"))
    def upstream_cost(self, settlement: Settlement) -> str | None:
        """What all its attempts were charged there."""
        return _cost(settlement.upstream_cost_micros, "credits")


def _cost(micros: int | None, unit: str) -> str | None:
    """Millionths of the provider's unit as people read them: "15 credits", "0.25 usd"."""
    if micros is None:
        return None
    figure = formats.number_format(Decimal(micros).scaleb(-6).normalize(), use_l10n=True, force_grouping=True)
    if unit == "credits":
        return ngettext("%(figure)s credit", "%(figure)s credits", 1 if micros == 1_000_000 else 2) % {"figure": figure}
    return f"{figure} {unit}"
