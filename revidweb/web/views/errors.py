"""The pages that say no."""

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from revidweb.accounts import members
from revidweb.accounts.models import Member
from revidweb.web.access import Suspended

_PAGE = "errors/page.html"
_OWNERS_MOST = 3  # named on a suspended member's page
_BAD_REQUEST = {
    "title": _("Not understood"),
    "text": _("The request could not be read. Nothing was changed."),
}
_CSRF = {
    "title": _("The form is no longer good"),
    "text": _(
        "It was open for too long, or cookies are switched off. Nothing was changed. Go back, reload the page and send "
        "it again."
    ),
}
_FORBIDDEN = {
    "title": _("Not allowed"),
    "text": _("Your role in this tenant does not reach this far. An owner can change that."),
}
_SUSPENDED = {
    "title": _("Suspended"),
    "text": _(
        "You are suspended from %(tenant)s. What you made and your credits are kept, and your running jobs go on. Ask "
        "an owner to let you in again: %(owners)s."
    ),
}
_NOT_FOUND = {
    "title": _("Not found"),
    "text": _("There is nothing at this address, or it belongs to somebody else."),
}
_BROKEN = {
    "title": _("Something broke"),
    "text": _(
        "This is our fault, and it has been written down. Your credits are as the statement says. Try again soon."
    ),
}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: not understood."""
    return render(request, _PAGE, _BAD_REQUEST, status=400)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that did not come from our pages, or came too late."""
    return render(request, _PAGE, _CSRF, status=403)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: known, but without the right, or not let in for now."""
    shown = _suspended(exception.member) if isinstance(exception, Suspended) else _FORBIDDEN
    return render(request, _PAGE, shown, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: not there, or not yours; the page does not say which."""
    return render(request, _PAGE, _NOT_FOUND, status=404)


def _suspended(member: Member) -> dict[str, object]:
    """What happened to whom, and whom to ask."""
    owners = ", ".join(str(owner.person) for owner in members.owners(member.tenant)[:_OWNERS_MOST])
    return _SUSPENDED | {"text": _SUSPENDED["text"] % {"tenant": member.tenant.name, "owners": owners}}


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault. Drawn without the frame: what broke may be what the frame asks."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    return HttpResponse(render_to_string(_PAGE, _BROKEN | {"request_id": request_id}), status=500)
