"""Add the account of CHAOS_URL and CHAOS_KEY to the demo tenant: `python -m tests.chaos.connect`.

Runs with the installation's own settings, in a process of its own; the member gets credits for all the orders.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revidweb.settings")
django.setup()

from revidweb.accounts import actors  # noqa: E402
from revidweb.accounts.models import Member  # noqa: E402
from revidweb.catalog import connecting  # noqa: E402
from revidweb.credits import ledger  # noqa: E402


def connect() -> None:
    owner = Member.objects.get(person__email="owner@demo.example")
    connecting.connect(
        actors.of(owner),
        provider="revidapi",
        name="Chaos",
        base_url=os.environ["CHAOS_URL"],
        key=os.environ["CHAOS_KEY"],
    )
    member = Member.objects.get(person__email="member@demo.example")
    ledger.grant(member, credits=20_000, reference="grant:chaos", actor="system")


if __name__ == "__main__":
    connect()
