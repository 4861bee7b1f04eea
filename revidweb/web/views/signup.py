"""Sign-up, where two may come at once."""

from typing import Any

from allauth.account.views import SignupView
from django.db import IntegrityError
from django.http import HttpResponse

from revidweb.accounts.models import Person


class Signup(SignupView):  # type: ignore[misc]
    """allauth's page."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign up. Whom another sign-up with the same address overtook is read again: now the address is taken."""
        try:
            answer: HttpResponse = super().form_valid(form)
        except IntegrityError:
            if not Person.objects.filter(email=form.cleaned_data["email"]).exists():
                raise
            form.full_clean()
            answer = super().form_valid(form) if form.is_valid() else self.form_invalid(form)
        return answer


signup = Signup.as_view()
