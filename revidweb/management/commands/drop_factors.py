"""`manage.py drop_factors`: let somebody in who lost their app, their passkeys and their recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from revidweb.accounts import factors
from revidweb.accounts.models import Person


class Command(BaseCommand):
    help = "Take a person's second factors away and end their sessions. Be sure first that it is they who ask."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="whose; the address of their account")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        person = Person.objects.filter(email__iexact=email).first()
        if person is None:
            raise CommandError(f"Nobody has an account with {email}.")
        dropped = factors.drop(person)
        self.stdout.write(f"{person.email}: {dropped} dropped" if dropped else f"{person.email} has no second factor")
