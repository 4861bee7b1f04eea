"""Credits: what there is, and the statement as a bank would print it."""

from dataclasses import dataclass
from typing import TypeVar

from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from revidweb.accounts import members as membership
from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Member
from revidweb.catalog.params import Choice
from revidweb.credits import columns, ledger, statements
from revidweb.credits.books import Book, Together
from revidweb.credits.models import TransferKind
from revidweb.credits.statements import Page, Wanted
from revidweb.jobs import charges
from revidweb.keys import listing as keyring
from revidweb.keys import naming
from revidweb.keys.models import ApiKey
from revidweb.lib.csvfile import Column
from revidweb.web import access, creditlines, days, exports
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms import filters
from revidweb.web.forms.filters import choices

from . import key_credits

Row = TypeVar("Row", Member, ApiKey)

_PER_PAGE = 50
_MOST_MEMBERS = 200  # in the list of statements; the others are reached from Members
_TENANT, _HOUSE = "tenant", "house"  # statements that are of no member and no key, as the address names them


@dataclass(frozen=True)
class Subject:
    """Whose statement: a member's or a key's, else the house's or, of a tenant, what all those hold together."""

    word: str  # as the address names it
    book: Book
    member: Member | None = None
    key: ApiKey | None = None

    @property
    def is_house(self) -> bool:
        """Whether it is the wallet that issues credits."""
        return self.word == _HOUSE

    @property
    def is_tenant(self) -> bool:
        """Whether lines are of many wallets."""
        return self.word == _TENANT

    @property
    def name(self) -> str:
        """Of whom, in a sentence."""
        if self.member or self.key:
            return str(self.member.person if self.member else self.key)
        return _("the house") if self.is_house else _("members and keys together")


@dataclass(frozen=True)
class Group:
    """Some of the statements that there are, under one heading."""

    label: str
    choices: list[Choice]


@require_safe
@vary_on_headers("HX-Request")
@actor_may()
def credits(request: ActorRequest) -> HttpResponse:
    """Show a statement: `?of=` a member's or a key's public id, "house" or "tenant"; one's own where that is all.

    To those who see all, what members and keys hold together; the house's as long as nobody else holds anything.
    """
    if request.actor.key:
        return key_credits.shown(request)
    members, keys = _members(request.actor), keyring.with_wallets(request.actor)
    wanted = _wanted(request.GET, request.actor)
    subject, page = _opened(request, _subject(request, members, keys), wanted)
    shown = {
        "subject": subject,
        "figures": statements.figures(subject.book),
        "granting": subject.member is not None and request.actor.may(Right.GRANT),
        "groups": _groups(request.actor, members, keys, subject),
        "kinds": choices(_kinds(), wanted.kind, every=_("Everything")),
        "days": {name: days.named(request.GET, name) for name in ("from", "to")},
        "wanted": wanted,
        "is_filtered": wanted != statements.EVERYTHING,
        "rows": creditlines.rows(request.actor, page.lines, members=members, keys=keys, is_house=subject.is_house),
        "export": exports.address(request, "credits_export", _address(request.GET)),
        "older": _address(request.GET, before=page.older),
        "newer": _address(request.GET, after=page.newer),
    }
    part = "#statement" if request.htmx and not request.htmx.history_restore_request else ""
    return render(request, f"credits/page.html{part}", shown)


@require_safe
@actor_may()
def export(request: ActorRequest) -> HttpResponseBase:
    """The statement as a file: the lines of all its pages."""
    if request.actor.key:
        return key_credits.export(request)
    wanted = _wanted(request.GET, request.actor)
    subject = _subject(request, [], [])
    if _may_be_house(request, subject, wanted) and not statements.has_lines(subject.book):
        subject = _house(request.actor)
    return exports.of_query(request, statements.found(subject.book, wanted), _columns(subject), name="credits")


def _columns(subject: Subject) -> list[Column]:
    whose = naming.columns_of_lines() if subject.is_tenant else []
    return [*columns.of_lines(names_people=True), *whose, *charges.columns_of_lines()]


# -- whose -----------------------------------------------------------------------------------------------------------


def _subject(request: ActorRequest, members: list[Member], keys: list[ApiKey]) -> Subject:
    """Whose statement is asked for; a stranger to the actor is 404. members, keys: some that are at hand."""
    asked, actor = filters.word(request.GET, "of"), request.actor
    if asked.startswith("key_"):
        return _of_key(next((row for row in keys if row.public_id == asked), None) or access.key(request, asked))
    if asked in (_TENANT, _HOUSE, ""):
        return _of_all(actor, asked)
    member = next((row for row in members if row.public_id == asked), None) or access.member(request, asked)
    return Subject(asked, ledger.wallet_of(member), member=member)


def _of_key(key: ApiKey) -> Subject:
    """A shared key holds nothing: it has no statement."""
    if key.wallet is None:
        raise Http404
    return Subject(key.public_id, key.wallet, key=key)


def _of_all(actor: Actor, asked: str) -> Subject:
    if actor.may(Right.SEE_ALL):
        return _house(actor) if asked == _HOUSE else Subject(_TENANT, Together(actor.tenant))
    if asked or actor.member is None:
        raise Http404
    return Subject(actor.member.public_id, ledger.wallet_of(actor.member), member=actor.member)


def _house(actor: Actor) -> Subject:
    return Subject(_HOUSE, ledger.house(actor.tenant))


def _opened(request: ActorRequest, subject: Subject, wanted: Wanted) -> tuple[Subject, Page]:
    """The page of the statement that is asked for; the house's where nothing is asked for and nobody holds anything."""
    before, after = (_position(request.GET, name) for name in ("before", "after"))
    page = statements.page(subject.book, before=before, after=after, limit=_PER_PAGE, wanted=wanted)
    if page.lines or not _may_be_house(request, subject, wanted):
        return subject, page
    house = _house(request.actor)
    return house, statements.page(house.book, before=before, after=after, limit=_PER_PAGE, wanted=wanted)


def _may_be_house(request: ActorRequest, subject: Subject, wanted: Wanted) -> bool:
    return subject.is_tenant and not request.GET.get("of") and wanted == statements.EVERYTHING


def _members(actor: Actor) -> list[Member]:
    """Whose statements the actor may choose from; nobody for who sees only their own."""
    return list(membership.told_apart(actor)[:_MOST_MEMBERS])


def _groups(actor: Actor, members: list[Member], keys: list[ApiKey], subject: Subject) -> list[Group]:
    """The statements to choose from; none where there is only one's own."""
    people = [(row.public_id, str(row.person)) for row in _with(subject.member, members)]
    named = [(row.public_id, row.name) for row in _with(subject.key, keys)]
    alone = [(_TENANT, _("Members and keys together")), (_HOUSE, _("The house"))] if actor.may(Right.SEE_ALL) else []
    if not alone and actor.member:
        people = [(actor.member.public_id, _("Your wallet"))]
    groups = [Group("", _choices(alone, subject)), Group(_("Members") if alone else "", _choices(people, subject))]
    groups.append(Group(_("Keys"), _choices(named, subject)))
    return [group for group in groups if group.choices] if alone or named else []


def _with(chosen: Row | None, listed: list[Row]) -> list[Row]:
    """The chosen one stands in the list however long that is."""
    return [*([chosen] if chosen and chosen not in listed else []), *listed]


def _choices(named: list[tuple[str, str]], subject: Subject) -> list[Choice]:
    return [Choice(value, label, is_chosen=value == subject.word) for value, label in named]


# -- the address -----------------------------------------------------------------------------------------------------


def _address(asked: QueryDict, **position: int | None) -> str:
    """The same filters at another position, or at none; "" for a position that is not there."""
    address = asked.copy()
    for name in ("before", "after"):
        address.pop(name, None)
    for name, line in position.items():
        if line is None:
            return ""
        address[name] = str(line)
    return f"?{address.urlencode()}"


def _wanted(asked: QueryDict, actor: Actor) -> Wanted:
    """The filters of the address; what makes no sense there is left out. Days are the tenant's, both included."""
    kind = asked.get("kind", "")
    return Wanted(
        kind=kind if kind in TransferKind.values else "",
        job=filters.word(asked, "job"),
        since=days.begin(days.named(asked, "from"), actor.tenant.zone),
        until=days.begin(days.named(asked, "to"), actor.tenant.zone, later=1),
    )


def _position(asked: QueryDict, name: str) -> int | None:
    """A line's id out of the address, as long as a database can hold it."""
    text = asked.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _kinds() -> list[tuple[str, str]]:
    return [
        (TransferKind.GRANT, _("Grants")),
        (TransferKind.CAPTURE, _("Jobs")),
        (TransferKind.TRANSFER, _("Transfers")),
    ]
