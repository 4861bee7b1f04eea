"""The demo tenant: an owner and a user with credits, keys and a past.

Passwords and secrets are kept in the data folder. The past is made up, and its payments and attempts say so.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction

from revidweb.accounts import actors, members, tenants
from revidweb.accounts.models import Member, Person, Role
from revidweb.catalog import founding
from revidweb.credits import ledger
from revidweb.credits.models import Transfer
from revidweb.filling import history
from revidweb.filling.rows import Keeping
from revidweb.filling.script import Plan
from revidweb.keys import issuing, minting
from revidweb.keys.models import ApiKey, KeyKind, KeySecret
from revidweb.lib import clock
from revidweb.trail import trail

CREDITS = 2_000  # what the user starts with
KEY_CREDITS = 500  # what their budgeted key starts with, beside those
JOBS, DAYS = 900, 60  # of its past
NOTE = "Demo history"
_PICTURES = 24  # of its latest jobs; older results were deleted
_TOP_UP = 500
_GRANT = "grant:demo"
OWNER_EMAIL = "owner@demo.example"
MEMBER_EMAIL = "member@demo.example"

Demo = dict[str, Any]


def make() -> Demo:
    """Where to go and how to sign in: `{"url", "tenant", "owner": {"email", "password"}, "member": {...}}`.

    And with which keys: "api_key" (shared) and "budgeted_key" of the member, "owner_key" (shared) of the owner.
    A repeat changes nothing and answers the same. Where the kept passwords and secrets were deleted, new ones are set.
    """
    kept = _kept()
    demo = kept or _fresh()
    with transaction.atomic():
        owner = _owner(demo["owner"], is_fresh=kept is None)
        member = _member(owner, demo["member"], is_fresh=kept is None)
        demo |= _keys(owner, member, demo, KeyKind.SHARED)
        is_new = settings.DEMO_HISTORY and _past(owner)
        _fill(member)
        demo |= _keys(owner, member, demo, KeyKind.BUDGETED)
    if is_new:
        history.count(owner.tenant)
    demo |= {"url": settings.PUBLIC_URL, "tenant": owner.tenant.slug}
    _keep(demo)
    return demo


def _owner(sign_in: dict[str, str], *, is_fresh: bool) -> Member:
    """The owner, who is also the operator of this installation."""
    person = _person(sign_in, is_fresh=is_fresh, name="Demo Owner", is_staff=True, is_superuser=True)
    found = Member.objects.select_related("tenant").filter(person=person, role=Role.OWNER).order_by("pk").first()
    if found is None:
        found = founding.found(person, name="Demo")
        tenants.change(actors.of(found), name="Demo Studio", time_zone=found.tenant.time_zone, accent="")
    return found


def _member(owner: Member, sign_in: dict[str, str], *, is_fresh: bool) -> Member:
    person = _person(sign_in, is_fresh=is_fresh, name="Demo Member")
    return members.add(owner.tenant, person, role=Role.USER)


def _past(owner: Member) -> bool:
    """Sixty days of jobs, before anything else happens; False where they are there, or something else is."""
    plan = Plan(JOBS, DAYS, until=clock.now().replace(minute=0, second=0, microsecond=0), seed="demo")
    keeping = Keeping(_PICTURES, are_all=False)
    return history.write(owner.tenant, plan, keeping=keeping, note=NOTE, top_up=_TOP_UP)


def _fill(member: Member) -> None:
    """Let the member have so many credits to start with, once."""
    if Transfer.objects.filter(reference=_GRANT).exists():
        return
    left = ledger.wallet_of(member).free
    ledger.grant(member, credits=CREDITS - left, reference=_GRANT, actor=trail.SYSTEM, note="Demo credits")


def _keys(owner: Member, member: Member, demo: Demo, wanted_kind: str) -> dict[str, str]:
    """The secrets of the keys of this kind that are kept, as far as the keys are here; of all others fresh ones."""
    wanted = (
        ("api_key", member, KeyKind.SHARED, "Demo key"),
        ("budgeted_key", member, KeyKind.BUDGETED, "Demo key with a budget"),
        ("owner_key", owner, KeyKind.SHARED, "Demo owner's key"),
    )
    return {
        word: _kept_secret(demo, word) or _secret(word, whose, kind, name)
        for word, whose, kind, name in wanted
        if kind == wanted_kind
    }


def _kept_secret(demo: Demo, word: str) -> str:
    secret = str(demo.get(word, ""))
    good = KeySecret.objects.filter(sha256=minting.digest(secret), expires_at=None, key__revoked_at=None)
    return secret if good.exists() else ""


def _secret(word: str, member: Member, kind: KeyKind, name: str) -> str:
    """A secret of the demo's key of this word, which is made when it is missing or revoked; one that was lost ends."""
    actor = actors.of(member)
    before = ApiKey.objects.filter(member=member, name=name, revoked_at__isnull=False).count()
    credits, token = KEY_CREDITS if kind == KeyKind.BUDGETED else 0, f"demo:{word}:{before}"
    if credits:
        ledger.grant(member, credits=credits, reference=f"grant:{token}", actor=trail.SYSTEM, note=name)
    issued = issuing.issue(actor, kind=kind, name=name, token=token, credits=credits)
    return issued.secret or issuing.rotate(actor, issued.key, grace_s=0).secret


def _person(sign_in: dict[str, str], *, is_fresh: bool, **fields: object) -> Person:
    """The person with this address. A password that they have chosen themselves stays, unless the kept ones are new."""
    person = Person.objects.filter(email=sign_in["email"]).first()
    if person is None:
        person = Person.objects.create_user(sign_in["email"], sign_in["password"], **fields)
        EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    elif is_fresh:
        person.set_password(sign_in["password"])
        person.save(update_fields=["password"])
    return person


def _fresh() -> Demo:
    return {
        "url": "",
        "tenant": "",
        "owner": {"email": OWNER_EMAIL, "password": secrets.token_urlsafe(12)},
        "member": {"email": MEMBER_EMAIL, "password": secrets.token_urlsafe(12)},
    }


def _file() -> Path:
    path: Path = settings.VAR_DIR / "demo.json"
    return path


def _kept() -> Demo | None:
    try:
        demo: Demo = json.loads(_file().read_text())
    except FileNotFoundError:
        return None
    return demo


def _keep(demo: Demo) -> None:
    """Write it whole or not at all, readable by its owner only."""
    draft = _file().with_suffix(f".{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(demo, file, indent=2)
    draft.replace(_file())
