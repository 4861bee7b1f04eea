"""Tenants that work with RevidAPI's stand-in: their owners, their connections, and what both sides booked."""

import json
from typing import Any

from tests.processes import Processes, wait_for
from tests.upstreams.revidapi import StandIn, UpstreamAccount
from tests.visitor import Visitor

PASSWORD = "a long password for tests"
FOUND = """
import json
from allauth.account.models import EmailAddress
from revidweb.accounts.models import Person
from revidweb.catalog import founding
person = Person.objects.create_user({email!r}, {password!r}, name={name!r})
EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
print(json.dumps(founding.found(person, name={name!r}).tenant.slug))
"""
BOOKED = """
import json
from revidweb.jobs.models import Attempt, Settlement
settled = Settlement.objects.filter(tenant__slug={tenant!r})
attempts = Attempt.objects.filter(job__tenant__slug={tenant!r})
print(json.dumps({{
    "captured": sum(settled.values_list("credits", flat=True)),
    "upstream": sum(settled.values_list("upstream_cost_micros", flat=True)) // 1_000_000,
    "uncertain": settled.filter(is_cost_uncertain=True).count(),
    "providers": sorted(set(attempts.values_list("connection__provider", flat=True))),
}}))
"""


def found(house: Processes, name: str) -> dict[str, str]:
    """A new tenant with previews alone, and how its owner signs in."""
    who = {"email": f"{name.lower()}@demo.example", "password": PASSWORD}
    return who | {"tenant": _asked(house, FOUND.format(name=name, **who))}


def booked(house: Processes, tenant: str) -> dict[str, Any]:
    """What the tenant's payers paid, what its attempts cost, and where they were made."""
    books: dict[str, Any] = _asked(house, BOOKED.format(tenant=tenant))
    return books


def _asked(house: Processes, code: str) -> Any:
    return json.loads(house.manage("shell", "-v", "0", "-c", code).splitlines()[-1])


def connect(visitor: Visitor, stand_in: StandIn, name: str) -> tuple[str, UpstreamAccount]:
    """Open an account there and connect it; the connection's page, and the account."""
    account = stand_in.open_account(balance=2000, is_owner=True)
    form = {"name": name, "base_url": stand_in.url, "key": account.key}
    answer = visitor.post(f"/t/{visitor.tenant}/connections/add/", **form)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"], account


def places(visitor: Visitor, stand_in: StandIn) -> dict[str, str]:
    """A connection that is well and has changes and prices to decide on, and one whose key was switched off."""
    well, account = connect(visitor, stand_in, "RevidAPI")
    order = {"model": "image-4.0", "prompt": "A hare of our own"}
    assert visitor.create("image", token="seed-studio", **order).status_code == 302
    done = f"/t/{visitor.tenant}/jobs/?state=done"
    wait_for(lambda: order["prompt"] in visitor.get(done).text, timeout_s=60, what="a picture on which the books agree")
    for number in range(2):
        stand_in.book.plant_job(account, model="image-4.0", credits=7, prompt=f"A stranger's fox {number}", ago_s=3600)
    assert visitor.post(f"{well}reconcile/", span="7").status_code == 302
    wait_for(
        lambda: "A stranger" in visitor.get(f"{well}reconcile/").text, timeout_s=30, what="a comparison of the books"
    )
    troubled, account = connect(visitor, stand_in, "Second account")
    stand_in.catalog.set_price("seedream-4.5", "2k-slow", 16)
    stand_in.catalog.set_price("seedream-4.5", "4k-fast", 400)
    account.disable(account.key)
    for connection in (well, troubled):
        assert visitor.post(f"{connection}sync/").status_code == 302
    return {"studio": f"/t/{visitor.tenant}", "well": well, "troubled": troubled}


def let_in(guest: Visitor, stand_in: StandIn, *, by: Visitor) -> None:
    """Let somebody without an account here look into their own there; the tenant's owner allows it first."""
    assert by.post(f"/t/{by.tenant}/settings/own-keys/", on="yes").status_code == 302
    door = f"/t/{guest.tenant}/key/"
    guest.get(door)
    answer = guest.post(door, key=stand_in.open_account(balance=500).key)
    assert answer.status_code == 302, answer.text
