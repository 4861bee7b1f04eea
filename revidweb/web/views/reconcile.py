"""Reconcile: what a connection's account took, held against our own book, and what to do where they differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import reswap, retarget, trigger_client_event

from revidweb.accounts import members
from revidweb.accounts.actors import Right
from revidweb.connections.models import Connection
from revidweb.lib.csvfile import moment, number, text, word
from revidweb.lib.refusal import Refusal
from revidweb.reports import listing, reconcile, remedies
from revidweb.reports.listing import Matched, Tally
from revidweb.reports.models import Difference, Match, Reconciliation, Sort, Stage
from revidweb.web import access, exports, parts, wording
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms.reconcile import RangeForm
from revidweb.web.templatetags import house

MATCHED = "matched"  # the word for what agreed, beside the sorts of differences
LOOKS_MOST = 150  # every two seconds: a page that is left open stops asking by itself
_PER_PAGE = 50
_OTHERS_SHOWN = 5
_MEMBER = "member:"
_COLUMNS = (
    *(word("sort"), word("job"), text("ticket"), text("prompt"), text("model"), text("who")),
    *(number("our_credits"), number("charged"), number("refunded"), moment("at"), word("standing"), word("remedy")),
)


@dataclass(frozen=True)
class Step:
    """A line of the way from our book to theirs. shift: credits by which theirs says more."""

    sort: Sort
    label: str
    meaning: str
    count: int
    open: int
    shift: int | Decimal


@dataclass(frozen=True)
class Deed:
    """What may be done about a difference."""

    word: str
    label: str
    is_usual: bool


@dataclass(frozen=True)
class Row:
    """A difference, in words. ours, theirs, shift: credits."""

    difference: Difference
    title: str
    detail: str
    ours: int | Decimal
    theirs: int | Decimal
    deeds: list[Deed]
    decided: str
    decided_by: str

    @property
    def shift(self) -> int | Decimal:
        """By how much theirs says more."""
        return self.theirs - self.ours


@dataclass(frozen=True)
class MatchedRow:
    """An order on which the books agree. cost: credits."""

    order: Matched
    detail: str
    cost: int | Decimal


@require_http_methods(["GET", "HEAD", "POST"])
@actor_may(Right.MANAGE_CONNECTIONS)
def page(request: ActorRequest, connection_id: str) -> HttpResponse:
    """The newest run or the one that is named, and its differences; a POST begins another."""
    row = access.connection(request, connection_id)
    if request.method == "POST":
        return _begin(request, row)
    part = "#body" if request.htmx and not request.htmx.history_restore_request else ""
    return render(request, f"reconcile/page.html{part}", _shown(request, row, _form(request)))


def _begin(request: ActorRequest, row: Connection) -> HttpResponse:
    form = _form(request, request.POST)
    if form.is_valid():
        try:
            run = reconcile.begin(request.actor, row, **_days(form))
            return parts.lead_to(request, f"{_here(request, row)}?run={run.public_id}")
        except Refusal as refusal:
            wording.put_on(form, refusal)
    shown = _shown(request, row, form)
    part = "#body" if request.htmx else ""
    return render(request, f"reconcile/page.html{part}", shown, status=422)


@require_safe
@actor_may(Right.MANAGE_CONNECTIONS)
def export(request: ActorRequest, connection_id: str) -> HttpResponseBase:
    """The table as a file: the rows of all its pages. Of no run that came to its end there is none (404)."""
    run = _run(request, access.connection(request, connection_id))
    if run is None or run.stage != Stage.DONE:
        raise Http404
    sort = _sort(request, has_differences=run.differences.exists(), keeps_matches=listing.keeps_matches(run))
    return exports.of_rows(request, _file_rows(run, sort), _COLUMNS, name="reconciliation")


@require_POST
@actor_may(Right.MANAGE_CONNECTIONS)
def remedy(request: ActorRequest, connection_id: str, difference_id: int) -> HttpResponse:
    """Do one thing about one difference."""
    row = access.connection(request, connection_id)
    difference = access.difference(row, difference_id)
    try:
        done = remedies.remedy(request.actor, difference, request.POST.get("remedy", ""))
    except Refusal as refusal:
        return _done(request, row, difference, wording.of(refusal), level="error")
    return _done(request, row, difference, _said(done))


def _done(
    request: ActorRequest, row: Connection, difference: Difference, said: str, *, level: str = "success"
) -> HttpResponse:
    """The run as it is now, and what became of the deed."""
    run = difference.reconciliation
    if not request.htmx:
        messages.add_message(request, messages.SUCCESS if level == "success" else messages.ERROR, said)
        return redirect(f"{_here(request, row)}?{urlencode({'run': run.public_id})}")
    answer = render(request, "reconcile/page.html#body", _shown(request, row, _form(request), run=run))
    trigger_client_event(answer, "toast", {"text": said, "level": level})
    return reswap(retarget(answer, "#reconcile"), "outerHTML")


def _here(request: ActorRequest, row: Connection) -> str:
    return reverse("reconcile", args=[request.actor.place, row.public_id])


def _form(request: ActorRequest, asked: Any = None) -> RangeForm:
    return RangeForm(asked, today=reconcile.today(request.actor.tenant))


def _days(form: RangeForm) -> dict[str, Any]:
    return {name: form.cleaned_data[name] for name in ("first_day", "last_day")}


# -- what is shown ---------------------------------------------------------------------------------------------------


def _shown(
    request: ActorRequest, row: Connection, form: RangeForm, *, run: Reconciliation | None = None
) -> dict[str, Any]:
    """Five queries."""
    run = run or _run(request, row)
    known = listing.runs(row)
    shown: dict[str, Any] = {
        "connection": row,
        "form": form,
        "run": run,
        "runs": known,
        "underway": next((one for one in known if one.stage == Stage.ASKING), None),
        "can": reconcile.can(row),
        **_look(request),
    }
    if run is None:
        return shown
    if run.stage == Stage.FAILED:
        shown["failure"] = _failure(run)
    return shown | (_of_run(request, run) if run.stage == Stage.DONE else {})


def _look(request: ActorRequest) -> dict[str, int]:
    look = request.GET.get("look", "")
    return {"look": int(look) + 1 if look.isdecimal() and len(look) < 4 else 0, "looks_most": LOOKS_MOST}


def _run(request: ActorRequest, row: Connection) -> Reconciliation | None:
    """The one that the address names, else the newest that has something to tell."""
    named = request.GET.get("run", "")
    return access.reconciliation(request, row, named) if named else listing.latest(row)


def _of_run(request: ActorRequest, run: Reconciliation) -> dict[str, Any]:
    tallies = listing.tallies(run)
    kept = run.matched if listing.keeps_matches(run) else 0
    sort = _sort(request, has_differences=any(tally.count for tally in tallies), keeps_matches=kept > 0)
    if sort == MATCHED:
        page = _page(request, listing.matches(run), kept)
        found, matches = [], listing.matched(cast("QuerySet[Match]", page.object_list))
    else:
        count = sum(tally.count for tally in tallies if sort in ("", tally.sort))
        page = _page(request, listing.differences(run, sort), count)
        found, matches = list(page), []
    names = _names(request, [run.actor, *(one.decided_by for one in found)])
    query = _query(run, sort)
    return {
        "matches": [_matched(one) for one in matches],
        "steps": [_step(tally) for tally in tallies],
        "ours": credits_of(run.ours_micros),
        "theirs": credits_of(run.theirs_micros),
        "shift_text": _signed(-credits_of(run.difference_micros)),
        "others": [_other(one) for one in run.others[:_OTHERS_SHOWN]],
        "matched": credits_of(run.matched_micros),
        "compared": run.matched + sum(tally.count for tally in tallies),
        "open": sum(tally.open for tally in tallies),
        "found": sum(tally.count for tally in tallies),
        "tabs": _tabs(run, tallies, sort, kept),
        "sort": sort,
        "rows": [_row(one, names) for one in found],
        "page": page,
        **parts.neighbours(page, f"?{query}&"),
        "export": f"{reverse('reconcile_export', args=[request.actor.place, run.connection.public_id])}?{query}",
        "ran_by": names.get(run.actor, ""),
    }


def _sort(request: ActorRequest, *, has_differences: bool, keeps_matches: bool) -> str:
    """Which rows are asked for: "" for all differences; where there is none, what agreed."""
    sort = request.GET.get("sort", "")
    if sort in Sort.values:
        return sort
    return MATCHED if keeps_matches and (sort == MATCHED or not has_differences) else ""


def _query(run: Reconciliation, sort: str) -> str:
    return urlencode({"run": run.public_id} | ({"sort": sort} if sort else {}))


def _page(request: ActorRequest, rows: "QuerySet[Any]", count: int) -> Page[Any]:
    paginator = Paginator(rows, _PER_PAGE)
    paginator.count = count  # it is known already
    return paginator.get_page(request.GET.get("page"))


def credits_of(micros: int) -> int | Decimal:
    """Millionths as credits: whole where they are."""
    whole, rest = divmod(micros, 1_000_000)
    return Decimal(micros).scaleb(-6).normalize() if rest else whole


def _signed(credits: int | Decimal) -> str:
    return f"{'+' if credits > 0 else ''}{house.figure(credits)}"


def _other(one: dict[str, Any]) -> dict[str, Any]:
    """A move without a job; its time as a page takes it."""
    return one | {"at": datetime.fromisoformat(one["at"]) if one["at"] else None}


def _tabs(run: Reconciliation, tallies: list[Tally], sort: str, kept: int) -> list[dict[str, Any]]:
    """One for all differences, one for each sort that there is, and one for what agreed. kept: orders of the last."""
    every: dict[str, Any] = {"sort": "", "label": _("All differences"), "count": sum(tally.count for tally in tallies)}
    each = [{"sort": str(tally.sort), "label": tally.sort.label, "count": tally.count} for tally in tallies]
    agreed = {"sort": MATCHED, "label": _("Agreed"), "count": kept}
    there = [one for one in (every, *each) if one["count"] or (sort and one["sort"] == sort)]
    there += [agreed] * bool(kept)
    return [one | {"href": f"?{_query(run, one['sort'])}", "is_current": one["sort"] == sort} for one in there]


def _step(tally: Tally) -> Step:
    label, meaning = str(tally.sort.label), _meanings()[tally.sort]
    return Step(tally.sort, label, meaning, tally.count, tally.open, -credits_of(tally.micros))


def _meanings() -> dict[str, str]:
    return {
        Sort.MISSING_HERE: _("charged there for jobs that we do not know"),
        Sort.MISSING_THERE: _("our orders for which there is no charge"),
        Sort.DIFFERENT: _("charged there, at another amount"),
        Sort.REFUNDED: _("given back there, and still a cost here"),
    }


def _failure(run: Reconciliation) -> dict[str, str]:
    """Why a run came to nothing, and in the provider's words."""
    said = {
        "unreachable": _("The account could not be reached."),
        "own_rate": _("No request was free for it: orders and looks come first. Try again in a few seconds."),
        "interrupted": _("It was interrupted. Nothing was changed; begin again."),
        "account_invalid": _("The account refuses the key. Replace it, then try again."),
        "account_exhausted": _("The account is out of credits and does not answer. Fill it up, then try again."),
        "account_locked": _("The account is locked. Ask the provider."),
        "gone": _("This account has no log of credits that could be read."),
        "no_end": _("The log begins with the oldest, and is too long to be read to its end. It cannot be compared."),
    }
    own = ("interrupted", "own_rate", "no_end")
    text = said.get(run.failure, _("The account had no time. Try again in a minute."))
    return {"text": text, "answer": "" if run.failure in own else run.reason}


# -- rows ------------------------------------------------------------------------------------------------------------


def _names(request: ActorRequest, actors: list[str]) -> dict[str, str]:
    """What the members among these are called, by how the trail writes them."""
    asked = {actor.removeprefix(_MEMBER) for actor in actors if actor.startswith(_MEMBER)}
    named = members.names(request.actor.tenant, asked) if asked else {}
    return {f"{_MEMBER}{public_id}": name for public_id, name in named.items()}


def _row(one: Difference, names: dict[str, str]) -> Row:
    title, *whose = _named(one)
    return Row(
        difference=one,
        title=title,
        detail=" · ".join(filter(None, whose)),
        ours=credits_of(one.ours_micros),
        theirs=credits_of(one.theirs_micros),
        deeds=_deeds(one) if one.is_open else [],
        decided="" if one.is_open else _decided(one),
        decided_by=names.get(one.decided_by, ""),
    )


def _matched(one: Matched) -> MatchedRow:
    return MatchedRow(one, f"{one.model} · {one.who}", credits_of(one.micros))


def _file_rows(run: Reconciliation, sort: str) -> Iterator[tuple[Any, ...]]:
    """Their cells, in the order of _COLUMNS."""
    if sort == MATCHED:
        for it in listing.matched(listing.matches(run)):
            cost = credits_of(it.micros)
            yield MATCHED, it.job, it.ticket, it.prompt, it.model, it.who, cost, it.charged, it.refunded, it.at, "", ""
        return
    for one in listing.differences(run, sort):
        job = one.job.public_id if one.job else ""
        figures = (credits_of(one.ours_micros), one.charged, one.refunded, one.at)
        yield one.sort, job, one.ticket, *_named(one), *figures, one.standing, one.remedy


def _named(one: Difference) -> tuple[str, str, str]:
    """What it is, by which model, and whose."""
    job, entry = one.job, remedies.listed(one)
    if job is not None:
        return job.prompt, job.media_model.title, str(job.member.person if job.member else job.key)
    if entry is not None:
        return entry.prompt or _("A job without a prompt"), entry.model, ""
    return _("A job that the account does not list any more"), "", ""


def _deeds(one: Difference) -> list[Deed]:
    words = [word for word in remedies.POSSIBLE[one.sort] if remedies.is_worth_it(one, word)]
    return [Deed(word, _label(one, word), is_usual=number == 0) for number, word in enumerate(words)]


def _label(one: Difference, word: str) -> str:
    match one.sort, word:
        case _, "adopt":
            return _("Adopt")
        case Sort.MISSING_HERE, "note":
            return _("Note as somebody else's")
        case _, "note":
            return _("Keep ours")
        case _, "give_back" if one.job:
            return _("Give back %(credits)s") % {"credits": house.credits(one.job.credits)}
        case Sort.MISSING_THERE, "believe":
            return _("Count no cost")
        case Sort.REFUNDED, "believe":
            return _("Correct the cost alone")
        case _:
            return _("Take their figure")


def _decided(one: Difference) -> str:
    match one.sort, one.remedy:
        case _, "adopt":
            return _("Adopted")
        case Sort.MISSING_HERE, "note":
            return _("Somebody else's")
        case _, "note":
            return _("Ours was kept")
        case _, "give_back":
            return _("Given back")
        case _:
            return _("Cost corrected")


def _said(done: Difference) -> str:
    """What has been done, for who did it."""
    match done.remedy:
        case "adopt":
            return _("Adopted. Its result is being brought here, and nobody is charged.")
        case "note":
            return _("Noted. Nothing was changed.")
        case "give_back":
            return _("The payer has got the credits back, and the cost is corrected.")
        case _:
            return _("The cost is corrected.")
