"""What is done with a key on its page: its limits, a new secret, a pause, more credits, its end."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from revidweb.accounts.actors import Actor
from revidweb.keys import issuing
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.web import access, parts, wording
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms import keys as forms
from revidweb.web.forms.keys import LimitsForm, RotateForm, TopUpForm
from revidweb.web.views import keys as pages


@require_http_methods(["GET", "HEAD", "POST"])
@actor_may()
def limits(request: ActorRequest, key_id: str) -> HttpResponse:
    """Ask in a dialog over the key's page for its name and limits, or change them."""
    row = _managed(request, key_id)
    if request.method == "POST":
        return _change(request, row, forms.changed_limits(request.actor, row, request.POST))
    return _limits_dialog(request, row, forms.limits_of(request.actor, row))


def _change(request: ActorRequest, row: ApiKey, form: LimitsForm) -> HttpResponse:
    if form.is_valid():
        try:
            row = form.change()
            return _done(request, row, _("The limits of %(name)s are set.") % {"name": row.name})
        except Refusal as refusal:
            wording.put_on(form, refusal)
    return _limits_dialog(request, row, form, status=422)


def _limits_dialog(request: ActorRequest, row: ApiKey, form: LimitsForm, *, status: int = 200) -> HttpResponse:
    if request.htmx:
        part = "limits-form" if form.is_bound else "limits"
        return render(request, f"keys/key.html#{part}", {"key": row, "limits_form": form}, status=status)
    return pages.page(request, row, limits_form=form, status=status)


@never_cache
@require_POST
@actor_may()
def rotate(request: ActorRequest, key_id: str) -> HttpResponse:
    """Give the key a new secret and show it this once; the old one ends after the chosen time."""
    row = access.key(request, key_id)
    if not issuing.may_rotate(request.actor, row):
        raise PermissionDenied
    form = RotateForm(request.POST, auto_id="rotate-%s")
    if not form.is_valid():
        return _refused(request, row, "rotate", rotate_form=form)
    return _rotate(request, row, form)


def _rotate(request: ActorRequest, row: ApiKey, form: RotateForm) -> HttpResponse:
    grace_s = form.cleaned_data["grace_s"]
    try:
        issued = issuing.rotate(request.actor, row, grace_s=grace_s, seen=form.cleaned_data["seen"])
    except Refusal as refusal:
        level = "info" if refusal.code == "rotated_already" else "error"
        return _done(request, row, wording.of(refusal), level=level)
    return pages.show_secret(request, issued, is_rotated=True, old_until=clock.after(grace_s) if grace_s else None)


@require_POST
@actor_may()
def pause(request: ActorRequest, key_id: str) -> HttpResponse:
    """Let nobody in by it for now."""
    return _do(request, key_id, issuing.pause, _("%(name)s is paused."))


@require_POST
@actor_may()
def resume(request: ActorRequest, key_id: str) -> HttpResponse:
    """Let its programs in again."""
    return _do(request, key_id, issuing.resume, _("%(name)s works again."))


@require_POST
@actor_may()
def revoke(request: ActorRequest, key_id: str) -> HttpResponse:
    """End the key for good; its free credits go back."""
    return _do(request, key_id, issuing.revoke, _("%(name)s is revoked."))


@require_POST
@actor_may()
def top_up(request: ActorRequest, key_id: str) -> HttpResponse:
    """Fill the key's own wallet with more."""
    row = _managed(request, key_id)
    form = TopUpForm(request.POST, auto_id="top-up-%s")
    if form.is_valid():
        try:
            return _filled(request, row, form.top_up(request.actor, row))
        except Refusal as refusal:
            wording.put_on(form, refusal)
    return _refused(request, row, "top-up", top_up_form=form.again())


def _filled(request: ActorRequest, row: ApiKey, credits: int) -> HttpResponse:
    said = ngettext("%(credits)s credit added to %(name)s.", "%(credits)s credits added to %(name)s.", credits)
    return _done(request, row, said % {"credits": number_format(credits), "name": row.name})


def _managed(request: ActorRequest, key_id: str) -> ApiKey:
    """The key, for those who may change it; others who see it are refused (403)."""
    row = access.key(request, key_id)
    if not issuing.may_manage(request.actor, row):
        raise PermissionDenied
    return row


def _do(request: ActorRequest, key_id: str, deed: Callable[[Actor, ApiKey], ApiKey], said: str) -> HttpResponse:
    """The key's page after the deed, or with the reason why not."""
    row = _managed(request, key_id)
    try:
        row = deed(request.actor, row)
    except Refusal as refusal:
        return _done(request, row, wording.of(refusal), level="error")
    return _done(request, row, said % {"name": row.name})


def _done(request: ActorRequest, row: ApiKey, said: str, *, level: str = "success") -> HttpResponse:
    """The key's page as it is now, and a toast."""
    messages.add_message(request, getattr(messages, level.upper()), said)
    return parts.lead_to(request, pages.page_of(request, row))


def _refused(request: ActorRequest, row: ApiKey, opened: str, **asked: RotateForm | TopUpForm) -> HttpResponse:
    """The form with what is wrong (422): alone in its dialog for htmx, else on the page with the dialog open."""
    if request.htmx:
        return render(request, f"keys/key.html#{opened}-form", {"key": row} | asked, status=422)
    return pages.page(request, row, opened=opened, status=422, **asked)
