"""A person's own pages that allauth has not, or has otherwise: profile, sessions, adding a passkey."""

from typing import Any

from allauth.mfa.webauthn.internal import auth as passkeys
from allauth.mfa.webauthn.views import AddWebAuthnView
from allauth.usersessions.internal import flows
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from revidweb.accounts import persons
from revidweb.web.forms.account import ProfileForm


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """The person's name."""
    assert request.user.is_authenticated
    form = ProfileForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        persons.rename(request.user, name=form.cleaned_data["name"])
        messages.success(request, _("Your name is saved."))
        return redirect("account_profile")
    return render(request, "account/profile.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Where the person is signed in; a form sent here ends all but this one, at once."""
    assert request.user.is_authenticated
    if request.method == "POST":
        flows.sessions.end_other_sessions(request, request.user)
        messages.success(request, _("You are signed out everywhere else."))
        return redirect("usersessions_list")
    UserSession.objects.create_from_request(request)
    known = sorted(UserSession.objects.purge_and_list(request.user), key=_order)
    return render(request, "usersessions/usersession_list.html", {"sessions": known})


def _order(session: UserSession) -> tuple[bool, float]:
    """This session first, then those seen last."""
    return not session.is_current(), -session.last_seen_at.timestamp()


@login_required
@require_POST
def session_end(request: HttpRequest, session_id: int) -> HttpResponse:
    """End one of the person's sessions; its next request is a stranger's."""
    session = get_object_or_404(UserSession, pk=session_id, user_id=request.user.pk)
    is_here = session.is_current()
    flows.sessions.end_sessions(request, [session])
    if is_here:
        return redirect("account_login")
    messages.success(request, _("That session has ended."))
    return redirect("usersessions_list")


class AddPasskey(AddWebAuthnView):  # type: ignore[misc]
    """allauth's page, for passkeys alone: kept by the device, and opened by a finger, a face or a PIN."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the page shows; the browser is asked for a passkey that can sign in by itself."""
        shown: dict[str, Any] = super().get_context_data(**kwargs)
        shown["js_data"] = {"creation_options": passkeys.begin_registration(self.request.user, passwordless=True)}
        return shown


add_passkey = AddPasskey.as_view()
