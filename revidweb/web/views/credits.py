"""Credits: what there is, and the statement as a bank would print it."""

from dataclasses import dataclass

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from revidweb.accounts import members as membership
from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Member
from revidweb.catalog.params import Choice
from revidweb.credits import ledger, statements
from revidweb.credits.models import TransferKind, Wallet, WalletKind
from revidweb.credits.statements import Line, Wanted
from revidweb.jobs import listing
from revidweb.jobs.models import Job
from revidweb.keys import naming
from revidweb.web import access, days
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms.filters import choices

from . import key_credits

_PER_PAGE = 50
_MOST_MEMBERS = 200  # in the list of statements; the others are reached from Members
_JOBS = ("capture:job:", "refund:job:")
_MEMBER = "member:"


@dataclass(frozen=True)
class Row:
    """A line of the statement, in words. job: what it paid for, where the actor may see it."""

    line: Line
    title: str
    detail: str
    job: Job | None


@require_safe
@vary_on_headers("HX-Request")
@actor_may()
def credits(request: ActorRequest) -> HttpResponse:
    """Show one's own wallet; to those who see all, the house's or, with `?member=`, a member's; a key's own figures."""
    if request.actor.key:
        return key_credits.shown(request)
    members = _members(request.actor)
    member = _whose(request, members)
    wallet = ledger.wallet_of(member) if member else ledger.house(request.actor.tenant)
    wanted = _wanted(request.GET, request.actor)
    shown = {
        "member": member,
        "figures": statements.summary(wallet) if member else statements.house_summary(wallet),
        "granting": member is not None and request.actor.may(Right.GRANT),
        "members": _choices(members, member),
        "kinds": choices(_kinds(), wanted.kind, every=_("Everything")),
        "days": {name: days.named(request.GET, name) for name in ("from", "to")},
        "is_filtered": wanted != statements.EVERYTHING,
    }
    part = "#statement" if request.htmx and not request.htmx.history_restore_request else ""
    return render(request, f"credits/page.html{part}", shown | _page(request, wallet, wanted, members))


def _whose(request: ActorRequest, members: list[Member]) -> Member | None:
    """The member whose statement is asked for, None for the house; a stranger to the actor is 404."""
    asked = request.GET.get("member")
    if asked:
        return next((row for row in members if row.public_id == asked), None) or access.member(request, asked)
    return None if request.actor.may(Right.SEE_ALL) else request.actor.member


def _page(request: ActorRequest, wallet: Wallet, wanted: Wanted, members: list[Member]) -> dict[str, object]:
    """The page's rows, and the addresses of the pages beside it ("" where there is none)."""
    before, after = (_position(request.GET, name) for name in ("before", "after"))
    page = statements.page(wallet, before=before, after=after, limit=_PER_PAGE, wanted=wanted)
    return {
        "rows": _rows(request.actor, page.lines, members, is_house=wallet.member_id is None),
        "older": _address(request.GET, before=page.older),
        "newer": _address(request.GET, after=page.newer),
    }


def _address(asked: QueryDict, **position: int | None) -> str:
    """The same filters at another position."""
    address = asked.copy()
    for name in ("before", "after"):
        address.pop(name, None)
    ((name, line),) = position.items()
    address[name] = str(line)
    return "" if line is None else f"?{address.urlencode()}"


# -- filters ---------------------------------------------------------------------------------------------------------


def _wanted(asked: QueryDict, actor: Actor) -> Wanted:
    """The filters of the address; what makes no sense there is left out. Days are the tenant's, both included."""
    kind = asked.get("kind", "")
    return Wanted(
        kind=kind if kind in TransferKind.values else "",
        since=days.begin(days.named(asked, "from"), actor.tenant.zone),
        until=days.begin(days.named(asked, "to"), actor.tenant.zone, later=1),
    )


def _position(asked: QueryDict, name: str) -> int | None:
    """A line's id out of the address, as long as a database can hold it."""
    text = asked.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _members(actor: Actor) -> list[Member]:
    """Whose statements the actor may choose from; nobody for who sees only their own."""
    return list(membership.told_apart(actor)[:_MOST_MEMBERS])


def _choices(members: list[Member], chosen: Member | None) -> list[Choice]:
    """The house first, then the members."""
    if not members:
        return []
    others = [chosen] if chosen and chosen not in members else []
    named = [(row.public_id, str(row.person)) for row in others + members]
    return choices(named, chosen.public_id if chosen else "", every=_("The house"))


def _kinds() -> list[tuple[str, str]]:
    return [
        (TransferKind.GRANT, _("Grants")),
        (TransferKind.CAPTURE, _("Jobs")),
        (TransferKind.TRANSFER, _("Transfers")),
        (TransferKind.REFUND, _("Given back")),
    ]


# -- words -----------------------------------------------------------------------------------------------------------


def _rows(actor: Actor, lines: list[Line], members: list[Member], *, is_house: bool) -> list[Row]:
    jobs = listing.named(actor, [name for line in lines if (name := _job_of(line))])
    names = _names(
        actor, {line.actor.removeprefix(_MEMBER) for line in lines if line.actor.startswith(_MEMBER)}, members
    )
    keys = _keys(actor, lines)
    return [_row(line, jobs.get(_job_of(line)), names, keys, is_house=is_house) for line in lines]


def _keys(actor: Actor, lines: list[Line]) -> dict[int, str]:
    """The names of the keys that were filled or gave back, by their wallets."""
    return naming.by_wallet(
        actor.tenant, {line.other.pk for line in lines if line.other and line.other.kind == WalletKind.KEY}
    )


def _row(line: Line, job: Job | None, names: dict[str, str], keys: dict[int, str], *, is_house: bool) -> Row:
    if _job_of(line):
        return Row(line, *_job_words(line, job, is_house=is_house), job)
    by = names.get(line.actor.removeprefix(_MEMBER), "")
    said = [_("by %(name)s") % {"name": by} if by else "", line.note]
    return Row(line, _moved_words(line, keys), " · ".join(filter(None, said)), None)


def _job_of(line: Line) -> str:
    """The job that it paid for, or that it gives back; "" for none."""
    cause = next((cause for cause in _JOBS if line.reference.startswith(cause)), None)
    return line.reference.removeprefix(cause) if cause else ""


def _job_words(line: Line, job: Job | None, *, is_house: bool) -> tuple[str, str]:
    if job is None:
        title, detail = _("A job"), _job_of(line)
    else:
        who = str(job.member.person if job.member else job.key)
        title, detail = job.media_model.title, " · ".join([who, job.prompt] if is_house else [job.prompt])
    given_back = _("Given back: %(title)s") % {"title": title}
    return (given_back if line.kind == TransferKind.REFUND else title), detail


def _moved_words(line: Line, keys: dict[int, str]) -> str:
    """Where the credits came from or went to."""
    if line.other and line.other.pk in keys:
        words = _("Given back by key %(name)s") if line.credits > 0 else _("Filled into key %(name)s")
        return words % {"name": keys[line.other.pk]}
    other = line.other.member if line.other else None
    name = str(other.person) if other else _("the house")
    if line.kind == TransferKind.GRANT and other:
        return _("Granted to %(name)s") % {"name": name}
    if line.kind == TransferKind.GRANT:
        return _("Granted by the house")
    words = _("Transfer from %(name)s") if line.credits > 0 else _("Transfer to %(name)s")
    return words % {"name": name}


def _names(actor: Actor, public_ids: set[str], members: list[Member]) -> dict[str, str]:
    """The names of the tenant's members who caused the lines; only those not among `members` are asked for."""
    known = {row.public_id: str(row.person) for row in members if row.public_id in public_ids}
    missing = public_ids - known.keys()
    return known | membership.names(actor.tenant, missing) if missing else known
