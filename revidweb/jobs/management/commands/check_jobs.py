"""`manage.py check_jobs`: prove the jobs against the book, or say line by line where they are wrong."""

from revidweb.credits.management.commands import check_ledger
from revidweb.jobs import checking


class Command(check_ledger.Command):
    help = "Prove that work and money end together. Exit code 1 and one line for each fault where they do not."
    subject = "The jobs are"
    checks = checking
