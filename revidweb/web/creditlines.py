"""The lines of a statement in words: what moved, for whom and why, and the job behind it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from revidweb.accounts import members as membership
from revidweb.accounts.actors import Actor
from revidweb.credits import statements
from revidweb.credits.models import TransferKind, Wallet, WalletKind
from revidweb.credits.statements import Line
from revidweb.jobs import listing
from revidweb.jobs.models import Job
from revidweb.keys import naming

_MEMBER = "member:"


@dataclass(frozen=True)
class Row:
    """A line of the statement, in words. whose: the wallet; job: what it paid for, where the actor may see it."""

    line: Line
    title: str
    detail: str
    whose: str
    job: Job | None


@dataclass(frozen=True)
class Names:
    """What the lines' people and keys are called: members by public id, keys by wallet."""

    members: dict[str, str]
    keys: dict[int, str]

    def wallet(self, wallet: Wallet | None) -> str:
        """Whose it is; the house's is "the house"."""
        if wallet and wallet.member:
            return str(wallet.member.person)
        return self.keys.get(wallet.pk if wallet else 0, _("the house"))


def rows(actor: Actor, lines: list[Line], *, wallets: Iterable[Wallet], is_house: bool) -> list[Row]:
    """The lines in words. wallets: some at hand, with members and keys; who else is named is asked for, each once."""
    jobs = listing.named(actor, [name for line in lines if (name := statements.job_of(line.reference))])
    names = Names(_members(actor, lines, wallets), _keys(actor, lines, wallets))
    return [_row(line, jobs.get(statements.job_of(line.reference)), names, is_house=is_house) for line in lines]


def _members(actor: Actor, lines: list[Line], at_hand: Iterable[Wallet]) -> dict[str, str]:
    """The names of the tenant's members who caused the lines."""
    named = {line.actor.removeprefix(_MEMBER) for line in lines if line.actor.startswith(_MEMBER)}
    people = [wallet.member for wallet in at_hand if wallet.member] + ([actor.member] if actor.member else [])
    known = {member.public_id: str(member.person) for member in people if member.public_id in named}
    missing = named - known.keys()
    return known | membership.names(actor.tenant, missing) if missing else known


def _keys(actor: Actor, lines: list[Line], at_hand: Iterable[Wallet]) -> dict[int, str]:
    """The names of the keys whose wallets gave or got."""
    known = {wallet.pk: wallet.api_key.name for wallet in at_hand if wallet.kind == WalletKind.KEY}
    sides = [wallet for line in lines for wallet in (line.wallet, line.other) if wallet]
    missing = {wallet.pk for wallet in sides if wallet.kind == WalletKind.KEY} - known.keys()
    return known | naming.by_wallet(actor.tenant, missing)


def _row(line: Line, job: Job | None, names: Names, *, is_house: bool) -> Row:
    whose = names.wallet(line.wallet)
    if statements.job_of(line.reference):
        return Row(line, *_job_words(line, job, is_house=is_house), whose, job)
    by = names.members.get(line.actor.removeprefix(_MEMBER), "")
    said = [_("by %(name)s") % {"name": by} if by else "", line.note]
    return Row(line, _moved_words(line, names), " · ".join(filter(None, said)), whose, None)


def _job_words(line: Line, job: Job | None, *, is_house: bool) -> tuple[str, str]:
    if job is None:
        title, detail = _("A job"), statements.job_of(line.reference)
    else:
        who = str(job.member.person if job.member else job.key)
        title, detail = job.media_model.title, " · ".join([who, job.prompt] if is_house else [job.prompt])
    given_back = _("Given back: %(title)s") % {"title": title}
    return (given_back if line.kind == TransferKind.REFUND else title), detail


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
