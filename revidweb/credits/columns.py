"""What files say of money: a member's in the list of members, and a statement's lines."""

from django.db.models import Case, OuterRef, Subquery, When
from django.db.models.functions import Substr

from revidweb.lib.csvfile import Column, moment, number, text, word

from .models import Entry

_CAPTURE = "capture:job:"


def of_members() -> list[Column]:
    """Who they are, what they may do, and what their wallets hold."""
    return [
        word("member", "public_id"),
        text("name", "person__name"),
        text("email", "person__email"),
        word("role"),
        word("state"),
        number("balance", "wallet__balance"),
        number("held", "wallet__held"),
        moment("joined_at"),
        moment("state_since"),
    ]


def of_lines(*, names_people: bool) -> list[Column]:
    """Of entries as `statements.found` gives them: what moved, the balance after it, and the job that it paid for.

    names_people: also who caused it, as the trail writes it, with whom, and the note.
    """
    is_job = When(transfer__reference__startswith=_CAPTURE, then=Substr("transfer__reference", len(_CAPTURE) + 1))
    others = Entry.objects.filter(transfer=OuterRef("transfer")).exclude(pk=OuterRef("pk"))
    people = [
        text("with", Subquery(others.values("wallet__member__person__name")[:1])),
        text("by", "transfer__actor"),
        text("note", "transfer__note"),
    ]
    return [
        moment("at", "transfer__at"),
        word("kind", "transfer__kind"),
        number("credits"),
        number("balance"),
        word("job", Case(is_job)),
        *(people if names_people else []),
    ]
