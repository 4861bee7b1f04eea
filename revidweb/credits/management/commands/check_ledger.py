"""`manage.py check_ledger`: prove the book, or say line by line where it is wrong."""

import json
from dataclasses import asdict
from types import ModuleType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from revidweb.credits import checking
from revidweb.credits.checking import Fault


class Command(BaseCommand):
    help = "Prove that the ledger is sound. Exit code 1 and one line for each fault when it is not."
    subject = "The book is"
    checks: ModuleType = checking  # has faults() and sizes()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer with one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        faults: list[Fault] = list(self.checks.faults())
        sizes: dict[str, int] = self.checks.sizes()
        say = self._say_json if options["json"] else self._say
        say(faults, sizes)
        if faults:
            raise SystemExit(1)

    def _say_json(self, faults: list[Fault], sizes: dict[str, int]) -> None:
        answer = {"is_sound": not faults, "sizes": sizes, "faults": [asdict(fault) for fault in faults]}
        self.stdout.write(json.dumps(answer, indent=2))

    def _say(self, faults: list[Fault], sizes: dict[str, int]) -> None:
        read = ", ".join(f"{count} {name}" for name, count in sizes.items())
        for fault in faults:
            self.stderr.write(str(fault))
        if faults:
            self.stderr.write(f"{self.subject} WRONG: {len(faults)} faults in {read}.")
        else:
            self.stdout.write(f"{self.subject} sound: {read}.")
