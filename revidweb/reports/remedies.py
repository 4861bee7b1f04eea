"""What can be done about a difference, each once: whoever comes second, or at the same moment, is told so.

Deed, standing and trail are one transaction. A difference stands in every run that found it, and is decided in all.
"""

import json
from collections.abc import Callable
from dataclasses import replace

from django.db import transaction

from revidweb.accounts.actors import Actor, Right
from revidweb.connections import budget
from revidweb.connections.models import Connection
from revidweb.jobs import adopt as adopting
from revidweb.jobs import settle
from revidweb.jobs.models import Attempt, Job, account_with
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.account_pages import Copy, JobEntry
from revidweb.providers.base import ProviderError, Status
from revidweb.trail import trail

from .models import Difference, Sort, Standing

POSSIBLE: dict[str, tuple[str, ...]] = {  # by sort, the usual one first
    Sort.MISSING_HERE: ("adopt", "note"),
    Sort.MISSING_THERE: ("believe", "note"),
    Sort.DIFFERENT: ("believe", "note"),
    Sort.REFUNDED: ("give_back", "believe"),
}


def remedy(actor: Actor, difference: Difference, word: str) -> Difference:
    """Do what the word says about it; the difference as it is then, with the job that came of it.

    word: "adopt" makes a job of what is not ours, "note" leaves it as it is, "believe" takes the account's figure for
    what an order cost, "give_back" does that and gives the payer back what they paid.
    Raises Refusal: not_allowed, "not_remediable", "decided_already", "moved_on" (our book says something else by now,
    or nothing is left to give back), "account_silent", and what adopting refuses.
    """
    actor.must(Right.MANAGE_CONNECTIONS)
    if word not in POSSIBLE[difference.sort]:
        raise Refusal("not_remediable")
    if not difference.is_open:
        raise Refusal("decided_already")
    entry = _entry(difference) if word == "adopt" else None
    with transaction.atomic():
        _decide(actor, difference, word)
        if entry is not None:
            _adopt(actor, difference, entry)
        else:
            _DEEDS[word](actor, difference)
    difference.refresh_from_db()
    return difference


def _decide(actor: Actor, difference: Difference, word: str) -> None:
    """Close it wherever it was found, with the same figures; who comes second finds nothing open."""
    figures = {name: getattr(difference, name) for name in ("ours_micros", "charged", "refunded")}
    found = Difference.objects.filter(tenant=actor.tenant, mark=difference.mark, sort=difference.sort, **figures)
    rows = list(found.select_for_update(no_key=True).order_by("pk"))
    still = [row.pk for row in rows if row.is_open]
    if difference.pk not in still:
        raise Refusal("decided_already")
    standing = Standing.IGNORED if word == "note" else Standing.REMEDIED
    found.filter(pk__in=still).update(standing=standing, remedy=word, decided_by=actor.name, decided_at=clock.now())
    connection = difference.reconciliation.connection
    trail.record(
        "difference.decided",
        about=connection.reference,
        tenant=actor.tenant.public_id,
        actor=actor.name,
        remedy=word,
        sort=difference.sort,
        order=difference.mark,
        ours_micros=difference.ours_micros,
        theirs_micros=difference.theirs_micros,
    )


# -- deeds -----------------------------------------------------------------------------------------------------------


def _note(actor: Actor, difference: Difference) -> None:
    """Nothing changes in any book."""


def _believe(actor: Actor, difference: Difference) -> None:
    attempt = _attempt(difference)
    right = max(0, difference.theirs_micros)
    if not settle.believe(attempt, was_micros=difference.ours_micros, cost_micros=right):
        raise Refusal("moved_on")


def _give_back(actor: Actor, difference: Difference) -> None:
    """Its row first and a key's last, as the end of a job takes them."""
    if difference.job_id is None:
        raise Refusal("not_remediable")
    Job.objects.select_for_update(no_key=True).get(pk=difference.job_id)
    _believe(actor, difference)
    if not settle.refund(Job.objects.full().get(pk=difference.job_id), actor=actor.name):
        raise Refusal("moved_on")


_DEEDS: dict[str, Callable[[Actor, Difference], None]] = {
    "note": _note,
    "believe": _believe,
    "give_back": _give_back,
}


def _attempt(difference: Difference) -> Attempt:
    if difference.attempt_id is None:
        raise Refusal("not_remediable")
    return Attempt.objects.select_related("job").get(pk=difference.attempt_id)


def _adopt(actor: Actor, difference: Difference, entry: JobEntry) -> None:
    connection = _connection(difference)
    charged = max(0, difference.charged - difference.refunded)
    job = adopting.adopt(actor, connection, entry, credits=charged, at=difference.at)
    Difference.objects.filter(tenant=actor.tenant, mark=difference.mark, sort=difference.sort).update(job=job)


# -- asking ----------------------------------------------------------------------------------------------------------


def listed(difference: Difference) -> JobEntry | None:
    """What the account's list said of it when it was found; None where it said nothing."""
    connection = difference.reconciliation.connection
    pages = registry.account_pages(connection.provider)
    if pages is None or not difference.told:
        return None
    entries = pages.job_page(Copy(json.dumps({"jobs": [difference.told]}))).entries
    return next((entry for entry in entries if entry.ticket == difference.ticket), None)


def is_worth_it(difference: Difference, word: str) -> bool:
    """Whether something would come of it, as far as is known: nobody gets back what nobody paid."""
    match word:
        case "adopt":
            return can_adopt(difference)
        case "give_back":
            return bool(difference.job and difference.job.hold and difference.job.cost)
        case _:
            return True


def can_adopt(difference: Difference) -> bool:
    """Whether it is worth asking for its result, as far as the list said."""
    entry = listed(difference)
    return entry is not None and entry.status == Status.DONE


def _entry(difference: Difference) -> JobEntry:
    """As it was listed, with its results as they are now: one request, outside any transaction."""
    entry, connection = listed(difference), _connection(difference)
    if entry is None:
        raise Refusal("not_completed")
    if not budget.take_all(connection.credential, 1, rank=budget.Rank.PAGE):
        raise Refusal("account_silent")
    try:
        account = account_with(connection, connection.credential)
        seen = registry.provider(connection.provider).poll(account, difference.ticket)
    except ProviderError:
        raise Refusal("account_silent") from None
    return replace(entry, status=seen.status, results=seen.results or entry.results)


def _connection(difference: Difference) -> Connection:
    rows = Connection.objects.select_related("credential", "tenant")
    return rows.get(pk=difference.reconciliation.connection_id)
