"""The account behind a connection, as its provider tells it: a page for each thing that may be asked."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from revidweb.accounts.actors import Right
from revidweb.catalog import changes
from revidweb.connections import mirror
from revidweb.connections.mirror import Seen
from revidweb.connections.models import Connection
from revidweb.jobs import adopt as adopting
from revidweb.lib.refusal import Refusal
from revidweb.providers.account_pages import AccountPages, Endpoint, JobEntry, Question
from revidweb.web import access, parts, told, wording
from revidweb.web.access import ActorRequest, actor_may

_CHANGES_MOST = 20


@require_http_methods(["GET", "HEAD", "POST"])
@actor_may(Right.MANAGE_CONNECTIONS)
def account(request: ActorRequest, connection_id: str, endpoint: str) -> HttpResponse:
    """What is known of one page of the account, at once; a POST asks the provider.

    htmx sends that POST by itself where what is known is old, and the button "Read again" always.
    """
    row = access.connection(request, connection_id)
    pages = mirror.pages_of(row)
    question = told.question(pages, endpoint, request.GET)
    assert pages is not None
    if request.method == "POST":
        return _ask(request, row, pages, question)
    seen = mirror.kept(row, question)
    if "raw" in request.GET:
        return _raw(seen)
    if "download" in request.GET and seen.copy and question.endpoint is Endpoint.EXPORT:
        return told.file(seen.copy, seen.read_at)
    return render(request, "upstream/connection.html", _shown(request, row, pages, seen))


def _ask(request: ActorRequest, row: Connection, pages: AccountPages, question: Question) -> HttpResponse:
    seen = mirror.ask(row, question, is_wanted="again" in request.POST)
    if not request.htmx:
        return redirect(request.get_full_path())
    row = access.connection(request, row.public_id)
    return render(request, "upstream/answer.html", _shown(request, row, pages, seen))


@require_POST
@actor_may(Right.MANAGE_CONNECTIONS)
def adopt(request: ActorRequest, connection_id: str) -> HttpResponse:
    """Take a job in that the account lists and nothing here is, as it stands in what was read last."""
    row = access.connection(request, connection_id)
    question = told.question(mirror.pages_of(row), Endpoint.JOBS, request.GET)
    entry = _listed(row, question, request.POST.get("ticket", ""))
    try:
        job = adopting.adopt(request.actor, row, entry)
    except Refusal as refusal:
        messages.error(request, wording.of(refusal))
        jobs_page = reverse("connection_account", args=[request.actor.place, row.public_id, Endpoint.JOBS])
        return parts.lead_to(request, f"{jobs_page}?{request.GET.urlencode()}")
    messages.success(request, _("Adopted. Its result is being brought here, and nobody is charged."))
    return parts.lead_to(request, reverse("job", args=[request.actor.place, job.public_id]))


def _listed(row: Connection, question: Question, ticket: str) -> JobEntry:
    """The job of this ticket in the copy of the page, or 404."""
    pages, seen = mirror.pages_of(row), mirror.kept(row, question)
    entries = pages.job_page(seen.copy, page=question.page).entries if pages and seen.copy else ()
    found = next((entry for entry in entries if entry.ticket == ticket), None)
    if found is None:
        raise Http404
    return found


def _matched(request: ActorRequest, context: dict[str, object]) -> dict[str, object]:
    """Of a list of jobs also what each is here. One query, none without jobs."""
    shown = context["shown"]
    if not isinstance(shown, told.Shown) or not shown.jobs:
        return context
    known = adopting.known(request.actor.tenant, [job.entry.ticket for job in shown.jobs])
    return context | {"shown": told.matched(shown, known), "is_ours": True}


def _raw(seen: Seen) -> HttpResponse:
    if seen.copy is None:
        raise Http404
    return told.raw(seen.copy)


def _shown(request: ActorRequest, row: Connection, pages: AccountPages, seen: Seen) -> dict[str, object]:
    """One query for the changes of prices, beside the page's own."""
    endpoint = seen.question.endpoint
    hrefs = {one: reverse("connection_account", args=[request.actor.place, row.public_id, one]) for one in Endpoint}
    return _matched(request, told.context(pages, seen, request.actor.tenant.zone)) | {
        "connection": row,
        "tabs": told.tabs(pages, endpoint, hrefs),
        "here": hrefs[endpoint],
        "export_href": hrefs[Endpoint.EXPORT] if endpoint is Endpoint.STATS else "",
        "asks": True,
        "changes": list(changes.of(row)[:_CHANGES_MOST]) if endpoint is Endpoint.MODELS else None,
    }
