"""Prove the jobs against the book: where work ended money ended, and where it goes on money waits.

Each fact is asked in one statement, which sees one moment: so it may run while jobs move. Only what is wrong comes
back. What must be true of money alone is the book's own check.
"""

from collections.abc import Callable, Iterator
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Exists, F, Model, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Concat, TruncMonth, TruncWeek

from revidweb.connections.models import PREVIEW
from revidweb.credits.checking import Fault
from revidweb.credits.models import Hold, HoldState, Transfer, TransferKind
from revidweb.keys.models import ApiKey

from .models import Attempt, AttemptState, Job, Output, Settlement, Verdict
from .states import ENDED, MOVING, State

_PAID = Q(settlement__verdict__in=[Verdict.DONE, Verdict.CANCELLED], settlement__credits=F("credits"))
_FREE = ~Q(settlement__verdict=Verdict.DONE) & Q(settlement__credits=0)
_REFUNDED = Q(refunded__gt=0, hold__captured=F("credits"), settlement__credits=0)
_OURS = Q(adopted_at__isnull=True)  # ordered here, so that somebody pays
# Since when a key's window counts: of the day, the week from Monday and the month to which its figures belong.
_WINDOWS = {"day": F("counted_on"), "week": TruncWeek("counted_on"), "month": TruncMonth("counted_on")}
_FIGURES = {
    "moving": "told_moving",
    "spent": "told_spent",
    "lifetime_credits": "told_lifetime",
    **{f"{span}_credits": f"told_{span}" for span in _WINDOWS},
}
_VERDICTS = (
    Q(state=State.DONE, settlement__verdict=Verdict.DONE)
    | Q(state=State.FAILED, settlement__verdict__in=[Verdict.FAILED, Verdict.LOST])
    | Q(state=State.CANCELLED, settlement__verdict=Verdict.CANCELLED)
)


def faults() -> Iterator[Fault]:
    """Every fault of the jobs, check by check; none when they are sound."""
    for check in CHECKS:
        yield from check()


def sizes() -> dict[str, int]:
    """How many rows were looked at, by table."""
    tables: dict[str, type[Model]] = {"jobs": Job, "settlements": Settlement, "attempts": Attempt, "outputs": Output}
    return {name: table._default_manager.count() for name, table in tables.items()}


def ends_are_settled() -> Iterator[Fault]:
    """A job that ended has the settlement of its verdict, and one without a verdict has none."""
    unsettled = Q(state__in=ENDED) & ~(Q(settlement__isnull=False) & _VERDICTS)
    early = Q(state__in=MOVING, settlement__isnull=False)
    for job, state, verdict in _wrong(unsettled | early, "settlement__verdict"):
        yield Fault("settlement", job, f"that of a {state} job", verdict or "none")


def holds_follow_their_jobs() -> Iterator[Fault]:
    """A job's hold is open until the job ends, and not after it."""
    closed = Q(state__in=MOVING) & ~Q(hold__state=HoldState.OPEN)
    left_open = Q(state__in=ENDED, hold__state=HoldState.OPEN)
    for job, state, found in _wrong(_OURS & (closed | left_open), "hold__state"):
        yield Fault("hold_state", job, "an open hold" if state in MOVING else "an ended hold", found)


def prices_are_held() -> Iterator[Fault]:
    """What is held for a job is its price, under its name."""
    alike = Q(hold__credits=F("credits"), hold__reference=Concat(Value("job:"), F("public_id")))
    for job, _state, credits, held, reference in _wrong(_OURS & ~alike, "credits", "hold__credits", "hold__reference"):
        yield Fault("hold_price", job, f"{credits} held", f"{held} by {reference}")


def charges_are_captured() -> Iterator[Fault]:
    """What a settlement says was paid is the price or nothing, and is what the hold's capture took and kept."""
    taken = F("hold__captured") - F("refunded")
    right = Q(settlement__credits=taken) & (_PAID | _FREE | _REFUNDED)
    wrong = Q(settlement__isnull=False) & ((_OURS & ~right) | (~_OURS & Q(settlement__credits__gt=0)))
    for job, state, credits, paid, taken in _wrong(wrong, "credits", "settlement__credits", "hold__captured"):
        yield Fault("charge", job, f"what a {state} job for {credits} pays", f"{paid} settled, {taken} captured")


def refunds_are_booked() -> Iterator[Fault]:
    """What a job says was given back is what the book gave its payer under the job's name."""
    given = Transfer.objects.filter(
        kind=TransferKind.REFUND, reference=Concat(Value("refund:job:"), OuterRef("public_id"))
    )
    is_booked = Q(Exists(given))
    for job, _state, credits in _wrong((Q(refunded__gt=0) & ~is_booked) | (Q(refunded=0) & is_booked), "refunded"):
        expected, found = ("a refund", "none") if credits else ("no refund", "one")
        yield Fault("refund", job, f"{expected} in the book", found)


def adopted_jobs_have_their_order() -> Iterator[Fault]:
    """What was adopted, and has not failed, names the order upstream that it is, or the failed job whose it was."""
    named = Attempt.objects.filter(job=OuterRef("pk"), state=AttemptState.SENT).exclude(ticket="")
    for job, _state in _wrong(~_OURS & ~Q(state=State.FAILED) & Q(retry_of__isnull=True) & ~Q(Exists(named))):
        yield Fault("adopted", job, "an attempt with the ticket of what was adopted", "none")


def done_is_delivered() -> Iterator[Fault]:
    """A job that is done has its results and shows the first of them; no other job has any."""
    has_outputs = Q(Exists(Output.objects.filter(job=OuterRef("pk"))))
    empty = Q(state=State.DONE) & (~has_outputs | Q(cover=None))
    early = ~Q(state=State.DONE) & has_outputs
    for job, state, _cover in _wrong(empty | early, "cover"):
        expected, found = ("results", "none") if state == State.DONE else ("no results", "some")
        yield Fault("results", job, expected, found)


def work_has_its_ticket() -> Iterator[Fault]:
    """A job that is upstream has the ticket by which it is looked at."""
    sent = Attempt.objects.filter(job=OuterRef("pk"), state=AttemptState.SENT).exclude(ticket="")
    for job, _state in _wrong(Q(state=State.WORKING) & ~Q(Exists(sent))):
        yield Fault("ticket", job, "an attempt that was answered with a ticket", "none")


def holds_have_their_jobs() -> Iterator[Fault]:
    """No credits are held for a job that is not there."""
    strays = Hold.objects.filter(job=None, state=HoldState.OPEN, reference__startswith="job:")
    for pk, reference in strays.values_list("pk", "reference").iterator():
        yield Fault("hold_without_job", f"hold {pk} ({reference})", "its job", "none")


def orders_are_sent_once() -> Iterator[Fault]:
    """Of a job with an account at most one order is upstream or may be, and a job that may be sent has none there."""
    there = _orders().annotate(sent=Count("attempts"))
    again = Q(sent__gt=1) | Q(sent=1, state__in=[State.QUEUED, State.PREPARING])
    for name, state, sent in there.filter(again).order_by("pk").values_list("public_id", "state", "sent").iterator():
        most = "none" if state in (State.QUEUED, State.PREPARING) else "one at most"
        yield Fault("sent_again", f"job {name}", f"of orders upstream {most}", str(sent))


def sending_has_its_attempt() -> Iterator[Fault]:
    """A job that is being sent has the attempt that was written before the call, and no other job has one."""
    is_out = Q(Exists(Attempt.objects.filter(job=OuterRef("pk"), state=AttemptState.SENDING)))
    lone = Q(state=State.SENDING) & ~is_out
    stray = ~Q(state=State.SENDING) & is_out
    for job, state in _wrong(lone | stray):
        expected, found = ("one", "none") if state == State.SENDING else ("none", "one")
        yield Fault("sending", job, f"of an attempt without an answer {expected}", found)


def unknown_has_its_order() -> Iterator[Fault]:
    """A job whose outcome is unknown has an order that is upstream, or may be."""
    may_be = [AttemptState.SENT, AttemptState.LOST]
    for job, _state in _wrong(
        Q(state=State.UNKNOWN) & ~Q(Exists(Attempt.objects.filter(job=OuterRef("pk"), state__in=may_be)))
    ):
        yield Fault("unknown", job, "an attempt that was answered or whose answer was lost", "none")


def attempts_have_their_keys() -> Iterator[Fault]:
    """What was sent to an account was sent with one of that account's keys."""
    strange = Q(credential__isnull=True) & ~Q(connection__provider=PREVIEW)
    other = Q(credential__isnull=False) & ~Q(credential__connection=F("connection"))
    rows = Attempt.objects.filter(strange | other).order_by("pk")
    for name, number, key in rows.values_list("job__public_id", "number", "credential__public_id").iterator():
        yield Fault("credential", f"job {name} #{number}", "a key of its connection", key or "none")


def late_successes_are_of_failed_jobs() -> Iterator[Fault]:
    """Only a failed job is looked at after its end, until a success is on it; and that says where it is."""
    ends = Q(late_at__isnull=False) | Q(late_look_at__isnull=False)
    both = Q(late_at__isnull=False, late_look_at__isnull=False)
    bare = Q(late_at__isnull=False, late_results=[]) | Q(late_at__isnull=True) & ~Q(late_results=[])
    for job, state, late_at in _wrong((ends & ~Q(state=State.FAILED)) | both | bare, "late_at"):
        found = "a success" if late_at else "a look"
        yield Fault("late", job, "a late success with its results at a failed job", f"{found} at a {state} one")


def settlements_say_what_upstream_took() -> Iterator[Fault]:
    """What a settlement says of upstream's charge is the sum of its attempts, and doubtful as soon as one is."""
    doubtful = Q(Exists(Attempt.objects.filter(job=OuterRef("job"), is_cost_uncertain=True)))
    told = Settlement.objects.annotate(cost=Coalesce(Sum("job__attempts__upstream_cost_micros"), 0))
    wrong = told.filter(
        ~Q(cost=F("upstream_cost_micros"))
        | (Q(is_cost_uncertain=True) & ~doubtful)
        | (Q(is_cost_uncertain=False) & doubtful)
    )
    rows = wrong.order_by("job").values_list("job__public_id", "cost", "upstream_cost_micros", "is_cost_uncertain")
    for name, cost, said, is_uncertain in rows.iterator():
        doubt = "uncertain" if is_uncertain else "certain"
        yield Fault("upstream_cost", f"job {name}", f"{cost} millionths, as its attempts say", f"{said}, {doubt}")


def keys_count_their_jobs() -> Iterator[Fault]:
    """A key's figures are what its jobs say: how many move, what they took, and what is held or taken of each limit.

    Submission and verdict change both in one transaction, so this holds at every moment.
    """
    unreleased = ~Q(jobs__hold__state=HoldState.RELEASED) & Q(jobs__held_on__lte=F("counted_on"))
    kept = F("jobs__credits") - F("jobs__refunded")
    counted = ApiKey.objects.annotate(
        told_moving=Count("jobs", filter=Q(jobs__state__in=MOVING)),
        told_spent=_credits("jobs__settlement__credits"),
        told_lifetime=_credits(kept, ~Q(jobs__hold__state=HoldState.RELEASED)),
        **{
            f"told_{span}": _credits(kept, unreleased & Q(jobs__held_on__gte=since)) for span, since in _WINDOWS.items()
        },
    )
    wrong = reduce(or_, (~Q(**{column: F(told)}) for column, told in _FIGURES.items()))
    for key in counted.filter(wrong).order_by("pk").values("public_id", *_FIGURES, *_FIGURES.values()).iterator():
        for column, told in _FIGURES.items():
            if key[column] != key[told]:
                where, said = f"key {key['public_id']} {column}", f"{key[told]}, as its jobs say"
                yield Fault("key_figure", where, said, str(key[column]))


def jobs_of_keys_have_their_day() -> Iterator[Fault]:
    """A job that a key asked for says in which day it counts, and no other job does."""
    wrong = Q(key__isnull=False, held_on__isnull=True) | Q(key__isnull=True, held_on__isnull=False)
    for job, _state, key, day in _wrong(wrong, "key__public_id", "held_on"):
        yield Fault("held_on", job, f"a day for {key}" if key else "no day, being of no key", str(day))


def _credits(column: str | Combinable, of: Q | None = None) -> Coalesce:
    return Coalesce(Sum(column, filter=of), 0)


def _orders() -> QuerySet[Job]:
    """Jobs joined to their attempts with a key that are upstream, or may be."""
    may_be = [AttemptState.SENDING, AttemptState.SENT, AttemptState.LOST]
    return Job.objects.filter(attempts__credential__isnull=False, attempts__state__in=may_be)


CHECKS: tuple[Callable[[], Iterator[Fault]], ...] = (
    ends_are_settled,
    holds_follow_their_jobs,
    prices_are_held,
    charges_are_captured,
    refunds_are_booked,
    adopted_jobs_have_their_order,
    done_is_delivered,
    work_has_its_ticket,
    holds_have_their_jobs,
    orders_are_sent_once,
    sending_has_its_attempt,
    unknown_has_its_order,
    attempts_have_their_keys,
    late_successes_are_of_failed_jobs,
    settlements_say_what_upstream_took,
    keys_count_their_jobs,
    jobs_of_keys_have_their_day,
)


def _wrong(wrong: Q, *columns: str) -> Iterator[tuple[Any, ...]]:
    """The jobs that are so, as text, with their state and these columns."""
    rows = Job.objects.filter(wrong).order_by("pk").values_list("public_id", "state", *columns)
    for name, state, *found in rows.iterator():
        yield (f"job {name}", state, *found)
