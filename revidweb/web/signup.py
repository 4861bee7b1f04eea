"""How allauth meets the house."""

from typing import Any

from django.http import HttpRequest

from revidweb.accounts.models import Person
from revidweb.web import doors
from revidweb.web.account import HouseAdapter

_PLAIN_TO_SEE = ("account/messages/logged_in.txt", "account/messages/logged_out.txt")


class AccountAdapter(HouseAdapter):
    """E-mail and password only; a person signs up to found a tenant, or comes in through the door of one."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether there is something that this visitor may sign up for."""
        return doors.may_sign_up(request)

    def save_user(self, request: HttpRequest, user: Person, form: Any, commit: bool = True) -> Person:
        """Fill the person in without saving: the sign-up form saves them together with their membership."""
        filled_in: Person = super().save_user(request, user, form, commit=False)
        return filled_in

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        """Say what happened, except where the page that follows shows it anyway."""
        if message_template not in _PLAIN_TO_SEE:
            super().add_message(request, level, message_template, *args, **kwargs)
