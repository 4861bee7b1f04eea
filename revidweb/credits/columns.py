"""What files say of money: a member's in the list of members, and a statement's lines."""

from django.db.models import Case, OuterRef, Q, Subquery, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Substr

from revidweb.accounts import members
from revidweb.accounts.models import Member
from revidweb.lib.csvfile import Column, moment, number, text, word

from . import books, statements
from .models import IS_CAPTURE, Entry

_MEMBER = "member:"  # as the trail writes them


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


def of_lines(*, names: Combinable | None = None) -> list[Column]:
    """Of entries as `statements.found` gives them: what moved, the balance after it, and the job that it is about.

    names: what an entry's wallet is called; then also with whom, who caused it, and the note.
    """
    return [
        moment("at", "transfer__at"),
        word("kind", "transfer__kind"),
        number("credits"),
        number("balance"),
        word("job", Case(*(_after(cause) for cause in statements.PAID))),
        *(_people(names) if names else []),
    ]


def _after(cause: str) -> When:
    return When(transfer__reference__startswith=cause, then=Substr("transfer__reference", len(cause) + 1))


def _people(names: Combinable) -> list[Column]:
    """A subquery runs for each row that it is not kept from: jobs make most, and name nobody."""
    others = Entry.objects.filter(transfer=OuterRef("transfer")).exclude(pk=OuterRef("pk"))
    actors = Member.objects.filter(
        tenant=OuterRef("tenant"), public_id=Substr(OuterRef("transfer__actor"), len(_MEMBER) + 1)
    )
    is_member = Q(transfer__actor__startswith=_MEMBER) & ~IS_CAPTURE
    called = Coalesce(Subquery(actors.values(called=members.called())), "transfer__actor")
    return [
        text("with", Case(When(books.MOVED, then=Subquery(others.values(called=names)[:1])))),
        text("by", Case(When(is_member, then=called), default="transfer__actor")),
        text("note", "transfer__note"),
    ]
