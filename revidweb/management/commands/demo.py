"""`manage.py demo`: the demo tenant, and how to sign in to it."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from revidweb import demo


class Command(BaseCommand):
    help = "Make the demo tenant where it is missing, and print how to sign in. A repeat prints the same."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        if not settings.IS_EMBEDDED:
            raise CommandError("There is no demo in production.")
        made = demo.make()
        self.stdout.write(json.dumps(made) if as_json else as_text(made))


def as_text(made: demo.Demo) -> str:
    """The address and the two ways to sign in, for a person to read."""
    lines = [made["url"]]
    lines += [f"  {who:<7} {made[who]['email']:<21} {made[who]['password']}" for who in ("owner", "member")]
    return "\n".join(lines)
