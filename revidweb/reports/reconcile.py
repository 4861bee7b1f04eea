"""Hold a connection's orders against its account's log of credits, and keep what differs.

A request begins a run, and a worker asks: a long log takes many requests. What is found is written in one transaction.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

import structlog
from celery import shared_task
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Tenant
from revidweb.connections import budget, trying
from revidweb.connections.models import Connection
from revidweb.jobs import signs
from revidweb.jobs.models import Attempt, AttemptState, account_with
from revidweb.jobs.states import State
from revidweb.lib import clock, wake
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.account_pages import AccountPages, CreditLine, CreditLog, Endpoint, JobEntry, JobPage, Question
from revidweb.providers.base import AccountRefused, ProviderBusy, ProviderError
from revidweb.trail import trail

from . import comparing
from .comparing import Compared, Comparison, Ours, Stretch
from .models import Difference, Match, Reconciliation, Sort, Stage

log = structlog.get_logger(__name__)

MOST_DAYS = 92
RUNS_LISTED = 8  # of each connection
FRESH_S = 120  # what is younger is still being written, here or there
LOST_S = 15  # a run that nobody took up by then is sent for again
ASK_S = 180  # after so long nothing more is asked: a log that takes longer is cut short
LEASE_S = 300  # longer than that, the answer under way and the writing
WAIT_S = 3600  # for a place to ask
_OTHERS_KEPT = 50
_RAW_MOST_CHARS = 40_000
_REASON_CHARS = 300


def begin(actor: Actor, connection: Connection, *, first_day: date, last_day: date) -> Reconciliation:
    """Begin a run over these of the tenant's days, both included; a run that is under way is returned instead.

    Raises Refusal: not_allowed, "cannot_reconcile" (nothing to ask there), "bad_range" (fact most=, in days).
    """
    actor.must(Right.MANAGE_CONNECTIONS)
    if not can(connection):
        raise Refusal("cannot_reconcile")
    if first_day > last_day or (last_day - first_day).days >= MOST_DAYS or last_day > today(actor.tenant):
        raise Refusal("bad_range", field="first_day", most=MOST_DAYS)
    return start(connection, first_day, last_day, actor=actor.name)


def start(
    connection: Connection, first_day: date, last_day: date, *, actor: str, is_nightly: bool = False
) -> Reconciliation:
    """Write a run and wake who asks; of two at once there is one. One whose process died makes room."""
    give_up_dead(connection)
    try:
        with transaction.atomic():
            run = Reconciliation.objects.create(
                tenant_id=connection.tenant_id,
                connection=connection,
                first_day=first_day,
                last_day=last_day,
                is_nightly=is_nightly,
                actor=actor,
            )
    except IntegrityError:
        return Reconciliation.objects.filter(connection=connection).order_by("-pk")[0]
    wake.up(ask, run.pk, expires=LOST_S)
    return run


def give_up_dead(connection: Connection) -> None:
    """End the run that nobody is at any more."""
    _give_up(Reconciliation.objects.filter(connection=connection))


def _give_up(runs: "QuerySet[Reconciliation]") -> None:
    dead = Q(lease_until__lt=clock.now()) | Q(lease_until__isnull=True, created_at__lt=clock.ago(WAIT_S))
    runs.filter(dead, stage=Stage.ASKING).update(
        stage=Stage.FAILED, failure="interrupted", lease_until=None, ended_at=clock.now()
    )


@shared_task
def tick() -> None:
    """Wake whoever asks for the runs whose message was lost, and end those whose process died."""
    _give_up(Reconciliation.objects.all())
    lost = Reconciliation.objects.filter(stage=Stage.ASKING, lease_until=None, created_at__lt=clock.ago(LOST_S))
    for pk in lost.values_list("pk", flat=True):
        wake.up(ask, pk, expires=LOST_S)


def can(connection: Connection) -> bool:
    """Whether its account can be asked at all."""
    has_pages = registry.account_pages(connection.provider) is not None
    return has_pages and connection.credential_id is not None and connection.removed_at is None


def today(tenant: Tenant) -> date:
    """The tenant's calendar day."""
    return clock.now().astimezone(tenant.zone).date()


@shared_task
def ask(run_id: int) -> None:
    """Ask the account and keep what differs. Of two at once one asks; one that has ended stays as it is.

    Where too many are asked at this moment the run waits, and the tick comes back to it.
    """
    unclaimed = Q(lease_until__isnull=True) | Q(lease_until__lt=clock.now())
    asking = Reconciliation.objects.filter(unclaimed, pk=run_id, stage=Stage.ASKING)
    if not asking.update(lease_until=clock.after(LEASE_S)):
        return
    run = Reconciliation.objects.select_related("tenant", "connection__credential", "connection__tenant").get(pk=run_id)
    with trying.asking(run.connection, for_s=LEASE_S) as wait_s:
        if wait_s:
            Reconciliation.objects.filter(pk=run_id, stage=Stage.ASKING).update(lease_until=None)
        else:
            _reconcile(run)


def _reconcile(run: Reconciliation) -> None:
    try:
        _keep(run, *_read(run))
    except ProviderError as error:
        _fail(run, error)
    except Exception as bug:
        _fail(run, ProviderBusy(type(bug).__name__, code="interrupted"))
        raise


# -- asking ----------------------------------------------------------------------------------------------------------


def _read(run: Reconciliation) -> tuple[CreditLog, Comparison, dict[str, JobEntry]]:
    """The log, what it says of our orders, and what the account lists of those that are not ours."""
    pages = registry.account_pages(run.connection.provider)
    if pages is None:
        raise ProviderBusy("There is nothing to ask.", code="unavailable")
    stretch, read_at, ends_at = _stretch(run), clock.now(), time.monotonic() + ASK_S
    credit_log = _credit_log(run, pages, since=stretch.since - comparing.SKEW, until=read_at + comparing.SKEW)
    stretch, unread = _within(stretch, credit_log), credit_log.unread_tickets
    comparison = comparing.compare(_ours(run, credit_log.lines, stretch), credit_log.lines, stretch, unread=unread)
    foreign = [one for one in comparison.differences if one.sort == Sort.MISSING_HERE]
    return credit_log, comparison, _listed(run, pages, foreign, ends_at=ends_at)


def _credit_log(run: Reconciliation, pages: AccountPages, *, since: datetime, until: datetime) -> CreditLog:
    credential = run.connection.credential
    wanted = registry.provider(run.connection.provider).requests.credit_log
    most = budget.take(credential, wanted=wanted, rank=budget.Rank.PAGE)
    if not most:
        raise ProviderBusy("No request is free at this moment.", code="own_rate")
    account = account_with(run.connection, credential)
    timeout_s = settings.REVIDAPI_LOOK_TIMEOUT_S
    found = pages.credit_log(account, since=since, until=until, most_requests=most, timeout_s=timeout_s, for_s=ASK_S)
    budget.give_back(credential, most - found.requests)
    signs.good(run.connection, credential)
    return found


def _listed(
    run: Reconciliation, pages: AccountPages, foreign: Sequence[Compared], *, ends_at: float
) -> dict[str, JobEntry]:
    """What the account's list of jobs says of these, by ticket; those that it does not tell of in time are left out.

    ends_at: by the monotonic clock.
    """
    wanted = {one.ticket for one in foreign}
    if not wanted:
        return {}
    oldest = min((one.at for one in foreign if one.at), default=None)
    found: dict[str, JobEntry] = {}
    credential, made = run.connection.credential, 0
    most = registry.provider(run.connection.provider).requests.job_list
    most = budget.take(credential, wanted=most, rank=budget.Rank.PAGE)
    try:
        account = account_with(run.connection, credential)
        while made < most and wanted - found.keys() and time.monotonic() < ends_at:
            made += 1
            copy = pages.ask(account, Question(Endpoint.JOBS, page=made), timeout_s=settings.REVIDAPI_LOOK_TIMEOUT_S)
            page = pages.job_page(copy, page=made)
            found |= {entry.ticket: entry for entry in page.entries if entry.ticket in wanted}
            if page.is_last or _is_passed(page, oldest):
                break
    except ProviderError as error:
        log.warning("reconcile.not_listed", connection=run.connection.public_id, reason=error.reason)
    budget.give_back(credential, most - made)
    return found


def _is_passed(page: JobPage, oldest: datetime | None) -> bool:
    """Whether what is looked for cannot stand on a later page: the list runs from new to old."""
    times = [entry.created_at for entry in page.entries if entry.created_at]
    return bool(oldest and times) and times[-1] < (oldest or times[-1]) - comparing.SKEW


# -- our side --------------------------------------------------------------------------------------------------------


def _stretch(run: Reconciliation) -> Stretch:
    zone = run.tenant.zone
    since = datetime.combine(run.first_day, time_of_day.min, tzinfo=zone).astimezone(UTC)
    until = datetime.combine(run.last_day + timedelta(days=1), time_of_day.min, tzinfo=zone).astimezone(UTC)
    return Stretch(since, until, fresh_after=clock.ago(FRESH_S))


def _within(stretch: Stretch, credit_log: CreditLog) -> Stretch:
    """The same, and where the log begins if it was cut short."""
    if credit_log.reaches_back:
        return stretch
    first = min((line.at for line in credit_log.lines if line.at), default=clock.now())
    return Stretch(stretch.since, stretch.until, stretch.fresh_after, read_from=first)


def _ours(run: Reconciliation, lines: Sequence[CreditLine], stretch: Stretch) -> Iterator[Ours]:
    """The tenant's orders that the log names, by whichever connection, and what else this one sent in the stretch.

    A key that was replaced may have been another account's. It is held against this log where the log names one of its
    orders; the key in use always is.
    """
    named = comparing.tickets(lines)
    sent = Attempt.objects.filter(connection=run.connection_id, sent_at__gte=stretch.since, sent_at__lt=stretch.until)
    rows = [*_rows(sent), *_named(run.tenant, named)]
    by_pk = {row["pk"]: row for row in rows}
    keys = {row["credential"] for row in by_pk.values() if row["ticket"] in named}
    keys.add(run.connection.credential_id)
    for row in by_pk.values():
        is_asked = row["connection"] == run.connection_id and row["credential"] in keys
        yield _order(row, is_asked=is_asked, fresh_after=stretch.fresh_after)


def _named(tenant: Tenant, tickets: set[str]) -> Iterator[dict[str, Any]]:
    ordered = sorted(tickets)
    for start_at in range(0, len(ordered), 500):
        some = ordered[start_at : start_at + 500]
        yield from _rows(Attempt.objects.filter(connection__tenant=tenant, ticket__in=some))


def _rows(attempts: "QuerySet[Attempt]") -> Iterator[dict[str, Any]]:
    there = attempts.filter(credential__isnull=False, state__in=[AttemptState.SENT, AttemptState.LOST])
    rows = there.exclude(ticket="", upstream_cost_micros=None).exclude(ticket="", upstream_cost_micros=0)
    columns = ("pk", "connection", "credential", "ticket", "upstream_cost_micros", "sent_at")
    yield from rows.values(*columns, "job__ended_at", "job__late_look_at").order_by("pk")


def _order(row: dict[str, Any], *, is_asked: bool, fresh_after: datetime) -> Ours:
    ended_at = row["job__ended_at"]
    is_looked_for = not row["ticket"] and row["job__late_look_at"] is not None
    return Ours(
        attempt=row["pk"],
        ticket=row["ticket"],
        cost_micros=row["upstream_cost_micros"] or 0,
        sent_at=row["sent_at"],
        is_over=ended_at is not None and ended_at <= fresh_after and not is_looked_for,
        is_asked=is_asked,
    )


# -- keeping ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def _keep(run: Reconciliation, credit_log: CreditLog, found: Comparison, listed: dict[str, JobEntry]) -> None:
    """Write the run's figures and differences; what was dealt with before stays dealt with."""
    others = found.others
    ended = Reconciliation.objects.filter(pk=run.pk, stage=Stage.ASKING).update(
        stage=Stage.DONE,
        ended_at=clock.now(),
        lease_until=None,
        matched=len(found.matched),
        matched_micros=sum(one.ours_micros for one in found.matched),
        ours_micros=found.ours_micros,
        theirs_micros=found.theirs_micros,
        waiting=found.waiting,
        beyond=found.beyond,
        others=[_other(line) for line in others[:_OTHERS_KEPT]],
        others_count=len(others),
        others_change=sum(line.change for line in others),
        unread=len(credit_log.unread),
        read_from=None
        if credit_log.reaches_back
        else min((line.at for line in credit_log.lines if line.at), default=None),
    )
    if not ended:
        return
    known = _known(run, [one.mark for one in found.differences])
    jobs = dict(
        Attempt.objects.filter(pk__in=[one.attempt for one in found.differences if one.attempt]).values_list(
            "pk", "job"
        )
    )
    rows = [_row(run, one, known.get((one.mark, str(one.sort))), jobs, listed) for one in found.differences]
    Difference.objects.bulk_create(rows, batch_size=500)
    _keep_matches(run, found.matched)
    if run.is_nightly:
        _tell(run, [row for row in rows if row.is_new])


def _keep_matches(run: Reconciliation, matched: Sequence[Compared]) -> None:
    """Write what agreed, and let go of what agreed in runs that are not listed any more: of those the sums are kept."""
    listed = Reconciliation.objects.filter(connection=run.connection_id).order_by("-pk")[:RUNS_LISTED]
    past = Match.objects.filter(reconciliation__connection=run.connection_id)
    past.exclude(reconciliation__in=[each.pk for each in listed]).delete()
    rows = [
        Match(
            reconciliation=run,
            attempt_id=one.attempt,
            micros=one.ours_micros,
            charged=one.charged,
            refunded=one.refunded,
            at=one.at,
        )
        for one in matched
        if one.attempt and one.at  # which every order of ours has
    ]
    Match.objects.bulk_create(rows, batch_size=500)


def _tell(run: Reconciliation, news: Sequence[Difference]) -> None:
    """Say in the trail what nobody has seen yet; nothing where there is nothing new."""
    if news:
        trail.record(
            "connection.differs",
            about=run.connection.reference,
            tenant=run.tenant.public_id,
            count=len(news),
            difference_micros=sum(row.difference_micros for row in news),
            run=run.public_id,
        )


def _other(line: CreditLine) -> dict[str, Any]:
    said = next(
        (line.raw[name] for name in ("type", "reason", "description") if isinstance(line.raw.get(name), str)), ""
    )
    return {"at": line.at.isoformat() if line.at else None, "change": line.change, "what": said[:80]}


def _known(run: Reconciliation, marks: Sequence[str]) -> dict[tuple[str, str], Difference]:
    """The latest word on each of these, from earlier runs."""
    known: dict[tuple[str, str], Difference] = {}
    for start_at in range(0, len(marks), 500):
        some = marks[start_at : start_at + 500]
        for row in Difference.objects.filter(tenant=run.tenant_id, mark__in=some).select_related("job").order_by("pk"):
            known[row.mark, row.sort] = row
    return known


def _row(
    run: Reconciliation,
    one: Compared,
    before: Difference | None,
    jobs: dict[int, int],
    listed: dict[str, JobEntry],
) -> Difference:
    row = Difference(
        reconciliation=run,
        tenant_id=run.tenant_id,
        sort=one.sort or "",
        mark=one.mark,
        ticket=one.ticket,
        attempt_id=one.attempt,
        job_id=jobs.get(one.attempt or 0),
        ours_micros=one.ours_micros,
        charged=one.charged,
        refunded=one.refunded,
        at=one.at,
        told=_told(listed.get(one.ticket)),
        is_new=before is None,
    )
    if before is not None and _is_the_same(before, row):
        row.standing, row.remedy = before.standing, before.remedy
        row.decided_by, row.decided_at = before.decided_by, before.decided_at
        row.job_id = row.job_id or before.job_id
    return row


def _is_the_same(before: Difference, row: Difference) -> bool:
    """Whether what was said of it still holds: it is open again with other figures, or where the adopted job failed."""
    figures = ("ours_micros", "charged", "refunded")
    if before.remedy == "adopt" and before.job and before.job.state == State.FAILED:
        return False
    return all(getattr(before, name) == getattr(row, name) for name in figures)


def _told(entry: JobEntry | None) -> dict[str, Any]:
    """The entry as it came; one that is far too long is known by its model alone."""
    if entry is None:
        return {}
    raw = dict(entry.raw)
    return raw if len(str(raw)) <= _RAW_MOST_CHARS else {"id": entry.ticket, "model": entry.model}


def _fail(run: Reconciliation, error: ProviderError) -> None:
    signs.bad(run.connection, run.connection.credential, error)
    failure = error.code or "busy"
    if isinstance(error, AccountRefused):
        failure = f"account_{failure}"
    Reconciliation.objects.filter(pk=run.pk, stage=Stage.ASKING).update(
        stage=Stage.FAILED,
        failure=failure[:20],
        reason=error.reason[:_REASON_CHARS],
        ended_at=clock.now(),
        lease_until=None,
    )
