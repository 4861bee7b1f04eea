"""The lines of a statement in words: what moved, for whom and why, and the job behind it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from revidweb.accounts import members as membership
from revidweb.accounts.actors import Actor
from revidweb.credits import statements
from revidweb.credits.models import TransferKind, WalletKind
from revidweb.credits.statements import Line, NamedWallet
from revidweb.jobs import listing
from revidweb.jobs.listing import Named
from revidweb.keys import naming

_MEMBER = "member:"


@dataclass(frozen=True)
class Row:
    """A line of a statement, in words. credits: signed. balance_after: None where there is no wallet of one's own.

    whose: the wallet, "" where no line says it. job: the public id of what it paid for, where the actor may see it.
    """

    at: datetime
    title: str
    detail: str
    credits: int
    balance_after: int | None
    whose: str = ""
    job: str = ""


@dataclass(frozen=True)
class Names:
    """What the lines' people and keys are called: members by public id, keys that no line names by wallet."""

    members: dict[str, str]
    keys: dict[int, str]

    def wallet(self, wallet: NamedWallet | None) -> str:
        """Whose it is; the house's is "the house"."""
        name = (wallet.name or self.keys.get(wallet.id)) if wallet else None
        return name or _("the house")


def rows(actor: Actor, lines: list[Line], *, wallets: Iterable[NamedWallet], is_house: bool) -> list[Row]:
    """The lines in words. wallets: some at hand; who else is named is asked for, each once."""
    jobs = jobs_of(actor, lines)
    names = Names(_members(actor, lines, wallets), _keys(actor, lines))
    return [_row(line, jobs, names, is_house=is_house) for line in lines]


def jobs_of(actor: Actor, lines: list[Line]) -> dict[str, Named]:
    """Those of the jobs which the lines paid for that the actor may see, by public id. One query, none without jobs."""
    return listing.named(actor, [job for line in lines if (job := statements.job_of(line.reference))])


def _members(actor: Actor, lines: list[Line], at_hand: Iterable[NamedWallet]) -> dict[str, str]:
    """The names of the tenant's members who caused the lines."""
    named = {line.actor.removeprefix(_MEMBER) for line in lines if line.actor.startswith(_MEMBER)}
    known = {wallet.public_id: wallet.name for wallet in at_hand if wallet.public_id in named}
    if actor.member:
        known[actor.member.public_id] = str(actor.member.person)
    missing = named - known.keys()
    return known | membership.names(actor.tenant, missing) if missing else known


def _keys(actor: Actor, lines: list[Line]) -> dict[int, str]:
    """The names of the keys whose wallets gave or got, where the wallet at hand does not say it."""
    sides = [wallet for line in lines for wallet in (line.wallet, line.other) if wallet]
    unnamed = {wallet.id for wallet in sides if wallet.kind == WalletKind.KEY and not wallet.name}
    return naming.by_wallet(actor.tenant, unnamed)


def _row(line: Line, jobs: dict[str, Named], names: Names, *, is_house: bool) -> Row:
    job_id = statements.job_of(line.reference)
    job = jobs.get(job_id)
    words = _job_words(line, job_id, job, is_house=is_house) if job_id else _words(line, names)
    whose = names.wallet(line.wallet)
    return Row(line.at, *words, line.credits, line.balance_after, whose=whose, job=job_id if job else "")


def _job_words(line: Line, job_id: str, job: Named | None, *, is_house: bool) -> tuple[str, str]:
    if job is None:
        title, detail = _("A job"), job_id
    else:
        title, detail = job.model, f"{job.who} · {job.prompt}" if is_house else job.prompt
    return (given_back(title) if line.kind == TransferKind.REFUND else title), detail


def given_back(title: str) -> str:
    """What a line is called that gives back what a job had cost."""
    return _("Given back: %(title)s") % {"title": title}


def _words(line: Line, names: Names) -> tuple[str, str]:
    by = names.members.get(line.actor.removeprefix(_MEMBER), "")
    said = [_("by %(name)s") % {"name": by} if by else "", line.note]
    return _moved_words(line, names), " · ".join(filter(None, said))


def _moved_words(line: Line, names: Names) -> str:
    """Where the credits came from or went to."""
    name = {"name": names.wallet(line.other)}
    if line.other and line.other.kind == WalletKind.KEY:
        return (_("Given back by key %(name)s") if line.credits > 0 else _("Filled into key %(name)s")) % name
    if line.wallet.kind == WalletKind.KEY:
        return (_("Filled up by %(name)s") if line.credits > 0 else _("Given back to %(name)s")) % name
    if line.kind == TransferKind.GRANT:
        return _("Granted to %(name)s") % name if line.credits < 0 else _("Granted by the house")
    return (_("Transfer from %(name)s") if line.credits > 0 else _("Transfer to %(name)s")) % name
