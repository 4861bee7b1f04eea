"""What several views answer with."""

from typing import Any

from django.core.paginator import Page
from django.http import HttpResponse
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRedirect

from revidweb.web.access import ActorRequest


def lead_to(request: ActorRequest, path: str) -> HttpResponse:
    """The whole page there, also for htmx: its frame and its title are others."""
    return HttpResponseClientRedirect(path) if request.htmx else redirect(path)


def neighbours(page: Page[Any], query: str = "?") -> dict[str, str]:
    """The addresses of the pages before and after this one, as the pager takes them; "" where there is none.

    query: what the address carries beside the page's number, with its question mark and "&" at the end.
    """
    return {
        "newer": f"{query}page={page.previous_page_number()}" if page.has_previous() else "",
        "older": f"{query}page={page.next_page_number()}" if page.has_next() else "",
    }
