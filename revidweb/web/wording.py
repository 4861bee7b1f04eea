"""Every Refusal's sentence, in one table: what is refused, why, and what to do. Each room's codes stand together.

A sentence names the refusal's facts as %(name)s; whole numbers get the reader's thousands separator. Where a number
decides between singular and plural, the sentence is an `ngettext_lazy` whose last argument is that fact's name.
"""

from typing import Any

from django import forms
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from revidweb.lib.refusal import Refusal

SENTENCES: dict[str, str | Promise] = {
    # accounts
    "not_allowed": _("Your role does not allow this. Ask an owner of the tenant."),
    "unknown_role": _("Choose one of the roles in the list."),
    "owners_only": _("Only an owner can make, change or remove owners. Ask one of them."),
    "last_owner": _("This is the last owner. Make someone else an owner first."),
    "name_needed": _("Give the tenant a name."),
    "name_too_long": ngettext_lazy(
        "The name is longer than %(most)s character.", "The name is longer than %(most)s characters.", "most"
    ),
    "unknown_time_zone": _("Choose a time zone from the list."),
    "form_already_used": _(
        "This form has already granted credits. Look at the member's balance before you send it again."
    ),
    "bad_accent": _("Write the colour as # and six hex digits, #3b6fd4."),
}


class _Count(int):
    """A whole number that reads with the reader's thousands separator and still chooses the plural."""

    def __str__(self) -> str:
        return str(number_format(int(self)))


def _readable(value: Any) -> Any:
    return _Count(value) if type(value) is int else value


def of(refusal: Refusal) -> str:
    """The sentence for a person, in their language."""
    return str(SENTENCES[refusal.code] % {name: _readable(value) for name, value in refusal.facts.items()})


def put_on(form: forms.Form, refusal: Refusal) -> None:
    """Show the refusal at the field that it concerns, or above the form when the form has no such field."""
    form.add_error(refusal.field if refusal.field in form.fields else None, of(refusal))
