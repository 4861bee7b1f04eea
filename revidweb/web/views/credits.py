"""Credits: what there is, and the statement as a bank would print it."""

from dataclasses import dataclass
from functools import partial

from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Member
from revidweb.catalog.params import Choice
from revidweb.credits import columns, figures, ledger, statements
from revidweb.credits.books import Book, Together
from revidweb.credits.models import TransferKind, Wallet, WalletKind
from revidweb.credits.statements import NamedWallet, Wanted
from revidweb.jobs import charges
from revidweb.keys import naming
from revidweb.keys import wallets as keywallets
from revidweb.keys.models import ApiKey
from revidweb.lib.csvfile import Column
from revidweb.web import access, creditlines, days, exports
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms import filters
from revidweb.web.forms.filters import choices

from . import key_credits

_PER_PAGE = 50
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
    wallets = keywallets.listed(request.actor)
    wanted = _wanted(request.GET, request.actor)
    subject, page = _opened(request, _subject(request, wallets), wanted, wallets)
    shown = {
        "subject": subject,
        "figures": figures.of(subject.book),
        "granting": subject.member is not None and request.actor.may(Right.GRANT),
        "groups": _groups(request.actor, wallets, subject),
        "kinds": choices(_kinds(), wanted.kind, every=_("Everything")),
        "days": {name: days.named(request.GET, name) for name in ("from", "to")},
        "wanted": wanted,
        "is_filtered": wanted != statements.EVERYTHING,
        "rows": creditlines.rows(request.actor, page.lines, wallets=wallets, is_house=subject.is_house),
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
    subject = _subject(request, [])
    if _may_be_house(request, subject, wanted) and not statements.has_lines(subject.book):
        subject = _house(request.actor, [])
    return exports.of_query(request, statements.found(subject.book, wanted), _columns(subject), name="credits")


def _columns(subject: Subject) -> list[Column]:
    whose = naming.columns_of_lines() if subject.is_tenant else []
    return [*columns.of_lines(names=naming.of_wallets()), *whose, *charges.columns_of_lines()]


# -- whose -----------------------------------------------------------------------------------------------------------


def _subject(request: ActorRequest, wallets: list[NamedWallet]) -> Subject:
    """Whose statement is asked for; a stranger to the actor is 404. wallets: some that are at hand."""
    asked = filters.word(request.GET, "of")
    if asked in (_TENANT, _HOUSE, ""):
        return _of_all(request.actor, asked, wallets)
    return _of_wallet(request.actor, asked) or (
        _of_key(access.key(request, asked)) if asked.startswith("key_") else _of_member(access.member(request, asked))
    )


def _of_wallet(actor: Actor, asked: str) -> Subject | None:
    """The statement of a member or a key, by public id; None where the actor finds no wallet of theirs yet."""
    wallet = keywallets.found(actor, asked)
    if wallet is None:
        return None
    return Subject(asked, wallet, member=wallet.member, key=None if wallet.member else wallet.api_key)


def _of_member(member: Member) -> Subject:
    return Subject(member.public_id, ledger.wallet_of(member), member=member)


def _of_key(key: ApiKey) -> Subject:
    """A shared key holds nothing: it has no statement."""
    if key.wallet is None:
        raise Http404
    return Subject(key.public_id, key.wallet, key=key)


def _of_all(actor: Actor, asked: str, wallets: list[NamedWallet]) -> Subject:
    """Of those who see all the tenant's or the house's, of others their own."""
    if actor.may(Right.SEE_ALL):
        return _house(actor, wallets) if asked == _HOUSE else Subject(_TENANT, Together(actor.tenant))
    if asked:
        raise Http404
    return _of_wallet(actor, actor.in_person.public_id) or _of_member(actor.in_person)


def _house(actor: Actor, wallets: list[NamedWallet]) -> Subject:
    at_hand = next((wallet.id for wallet in wallets if wallet.kind == WalletKind.HOUSE), None)
    # Beyond its id there is nothing to read of it: it stores no balance.
    house = Wallet(pk=at_hand, tenant=actor.tenant, kind=WalletKind.HOUSE) if at_hand else ledger.house(actor.tenant)
    return Subject(_HOUSE, house)


def _opened(
    request: ActorRequest, subject: Subject, wanted: Wanted, wallets: list[NamedWallet]
) -> tuple[Subject, statements.Page]:
    """The page of the statement that is asked for; the house's where nothing is asked for and nobody holds anything."""
    before, after = (filters.number(request.GET, name) for name in ("before", "after"))
    known = {wallet.id: wallet for wallet in wallets}
    page = partial(statements.page, before=before, after=after, limit=_PER_PAGE, wanted=wanted, wallets=known)
    found = page(subject.book)
    if found.lines or not _may_be_house(request, subject, wanted):
        return subject, found
    house = _house(request.actor, wallets)
    return house, page(house.book)


def _may_be_house(request: ActorRequest, subject: Subject, wanted: Wanted) -> bool:
    return subject.is_tenant and not request.GET.get("of") and wanted == statements.EVERYTHING


def _groups(actor: Actor, wallets: list[NamedWallet], subject: Subject) -> list[Group]:
    """The statements to choose from; none where there is only one's own. The chosen one stands in any list."""
    people = [(one.public_id, one.name) for one in wallets if one.kind == WalletKind.MEMBER]
    keys = [(one.public_id, one.name) for one in wallets if one.kind == WalletKind.KEY]
    if (subject.member or subject.key) and subject.word not in [one.public_id for one in wallets]:
        (people if subject.member else keys).insert(0, (subject.word, subject.name))
    if actor.may(Right.SEE_ALL):
        alone = [(_TENANT, _("Members and keys")), (_HOUSE, _("The house"))]
        named = [("", alone), (_("Members"), people), (_("Keys"), keys)]
    else:
        named = [("", [(word, _("Your wallet")) for word, _name in people]), (_("Keys"), keys)] if keys else []
    return [Group(label, _choices(some, subject)) for label, some in named if some]


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


def _kinds() -> list[tuple[str, str]]:
    return [
        (TransferKind.GRANT, _("Grants")),
        (TransferKind.CAPTURE, _("Jobs")),
        (TransferKind.TRANSFER, _("Transfers")),
        (TransferKind.REFUND, _("Given back")),
    ]
