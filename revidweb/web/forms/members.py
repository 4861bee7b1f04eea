"""What the members page asks for."""

from django import forms
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.models import Member
from revidweb.credits import ledger
from revidweb.lib.refusal import Refusal

_TOKEN_CHARS = 24


def new_token() -> str:
    """A fresh form's token, so that the same form sent twice grants once."""
    return get_random_string(_TOKEN_CHARS)


class GrantForm(forms.Form):
    """How many credits a member gets from the house, and what for."""

    credits = forms.IntegerField(
        label=_("Credits"),
        widget=forms.NumberInput(attrs={"min": 1, "step": 1}),
        error_messages={
            "required": _("Write how many credits to grant."),
            "invalid": _("Write a whole number of credits, such as 500."),
        },
    )
    note = forms.CharField(
        label=_("Note"), max_length=200, required=False, help_text=_("Both of you see it on the statement.")
    )
    token = forms.RegexField(rf"\A[0-9a-zA-Z]{{{_TOKEN_CHARS}}}\Z", widget=forms.HiddenInput)

    def grant(self, member: Member, *, actor: str) -> int:
        """Move the credits from the house to the member's wallet, once per token; the number granted.

        Raises Refusal "credits_out_of_range" (field credits) for an amount that no grant may have, and
        "form_already_used" when the token has already granted something else.
        """
        wanted = self.cleaned_data
        try:
            ledger.grant(
                member,
                credits=wanted["credits"],
                note=wanted["note"],
                reference=f"grant:{wanted['token']}",
                actor=actor,
            )
        except ledger.LedgerConflict as conflict:
            raise Refusal("form_already_used") from conflict
        return int(wanted["credits"])

    def again(self) -> "GrantForm":
        """The same words under a fresh token, for another try after a refusal."""
        self.data = {name: self.data.get(name, "") for name in self.fields} | {"token": new_token()}
        return self
