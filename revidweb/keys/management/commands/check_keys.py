"""`manage.py check_keys`: prove the keys against the book, or say line by line where they are wrong."""

from revidweb.credits.management.commands.check_ledger import Command as CheckLedger
from revidweb.keys import proving


class Command(CheckLedger):
    help = "Prove that every key and its wallet agree. Exit code 1 and one line for each fault when they do not."
    subject = "The keys are"
    checks = proving
