"""Sign-up: to found a tenant, or to come in through the door of one. Two may come at once."""

from typing import Any

from allauth.account.views import SignupView
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from revidweb.accounts.models import Person
from revidweb.lib.refusal import Refusal
from revidweb.web import doors, wording


class Signup(SignupView):  # type: ignore[misc]
    """allauth's page. `AccountAdapter.is_open_for_signup` says who meets the form."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Whoever asks for a door that is shut for them is told so by its own page."""
        door = doors.asked_for(request)
        if door and not door.is_open and not request.user.is_authenticated:
            return redirect(door.href)
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer

    def get_initial(self) -> dict[str, Any]:
        """The invited address, if the invitation is for one."""
        initial: dict[str, Any] = super().get_initial()
        email = doors.invited_email(self.request)
        return initial | ({"email": email} if email else {})

    def get_form(self, form_class: Any = None) -> Any:
        """The form; the invited address stands, whatever is sent."""
        form = super().get_form(form_class)
        form.fields["email"].disabled = bool(doors.invited_email(self.request))
        return form

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign up. Whom another sign-up with the same address overtook is read again: now the address is taken."""
        try:
            return self._sign_up(form)
        except Refusal as refusal:
            wording.put_on(form, refusal)
        except IntegrityError:
            if not Person.objects.filter(email=form.cleaned_data["email"]).exists():
                raise
            form.full_clean()
            if form.is_valid():
                return self._sign_up(form)
        return self._again(form)

    def _sign_up(self, form: Any) -> HttpResponse:
        """Who was invited by mail has shown that the mailbox is theirs, so they may know that it has an account."""
        if form.account_already_exists and doors.invited_email(self.request):
            form.add_error("email", _("There is an account with this address. Sign in with it."))
            return self._again(form)
        answer: HttpResponse = super().form_valid(form)
        return answer

    def _again(self, form: Any) -> HttpResponse:
        answer: HttpResponse = self.form_invalid(form)
        return answer


signup = Signup.as_view()


@require_safe
def invited(request: HttpRequest, token: str) -> HttpResponse:
    """The operator's link: remember it and go on, so that it stands in no address that is shown or kept."""
    doors.keep(request, doors.FOUNDING, token)
    return redirect("found" if request.user.is_authenticated else "account_signup")
