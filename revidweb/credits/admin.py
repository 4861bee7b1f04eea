"""Money, as the operator reads it: nobody writes here but the ledger."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from revidweb.lib.readonly_admin import ReadOnly

from .models import Entry, Hold, Transfer, Wallet


@admin.register(Wallet)
class WalletAdmin(ReadOnly):
    """Whose credits."""

    icon = "wallet"
    list_display = ("id", "member", "balance", "held", "tenant", "kind", "closed_at")
    list_filter = ("kind",)
    list_select_related = ("tenant", "member__person", "member__tenant")
    search_fields = ("member__public_id__exact", "member__person__email__exact", "tenant__slug__exact")
    search_help_text = _("A member's id, a whole e-mail address, or a tenant's address.")


@admin.register(Transfer)
class TransferAdmin(ReadOnly):
    """Credits that moved."""

    icon = "arrow-left-right"
    list_display = ("id", "reference", "at", "kind", "tenant", "actor")
    list_select_related = ("tenant",)
    search_fields = ("reference__exact",)
    search_help_text = _("A whole cause, such as capture:job:job_….")


@admin.register(Entry)
class EntryAdmin(ReadOnly):
    """One wallet's side of a transfer."""

    icon = "list-ordered"
    list_display = ("id", "wallet", "credits", "balance_after", "transfer")
    list_select_related = ("transfer", "wallet__tenant", "wallet__member__person", "wallet__member__tenant")
    search_fields = ("transfer__reference__exact",)
    search_help_text = _("The whole cause of its transfer.")


@admin.register(Hold)
class HoldAdmin(ReadOnly):
    """Credits set aside."""

    icon = "lock"
    list_display = ("id", "reference", "credits", "state", "captured", "wallet", "created_at")
    list_select_related = ("wallet__tenant", "wallet__member__person", "wallet__member__tenant")
    search_fields = ("reference__exact",)
    search_help_text = _("A whole cause, such as job:job_….")
