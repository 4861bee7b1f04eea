"""`manage.py invite`: let somebody found a tenant."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from revidweb.accounts import invitations
from revidweb.lib.refusal import Refusal
from revidweb.web import mailing, wording


class Command(BaseCommand):
    help = "Invite somebody to found a tenant: mail the link to the address, and print it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="whom to invite; the account must have this address")
        parser.add_argument("--no-mail", action="store_false", dest="mail", help="print the link only")

    def handle(self, *args: Any, email: str, mail: bool, **options: Any) -> None:
        if settings.SIGNUP != "invite":
            raise CommandError(f"REVIDWEB_SIGNUP is {settings.SIGNUP}: {_WHY[settings.SIGNUP]}")
        try:
            invitation, token = invitations.invite_founder(email)
            if mail:
                mailing.send(invitation, token, inviter="")
            self.stdout.write(mailing.link_of(invitation, token))
        except Refusal as refusal:
            raise CommandError(wording.of(refusal)) from refusal


_WHY = {"open": "everybody may found a tenant, nobody needs an invitation.", "closed": "nobody may found a tenant."}
