"""Found a tenant and change how it presents itself."""

import re
import secrets
from collections.abc import Iterator, Mapping
from functools import cache
from zoneinfo import available_timezones

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from . import members
from .actors import Actor, Right
from .models import JoinPolicy, Member, Person, Role, Tenant

_SLUG_TRIES = 5
_ACCENT = re.compile(r"#[0-9a-fA-F]{6}")


def found(person: Person, *, name: str) -> Member:
    """A new tenant with this name, and the person as its owner. Each call founds another one.

    name: at most 80 characters; the address in the path is made from it and is unique.
    Raises Refusal when the name is empty or too long.
    """
    name = _checked_name(name)
    with transaction.atomic():
        tenant = _new_tenant(name)
        trail.record("tenant.founded", about=tenant.reference, tenant=tenant.public_id, actor=person.reference)
        return members.add(tenant, person, role=Role.OWNER, actor=person.reference)


def change(actor: Actor, *, name: str, time_zone: str, accent: str) -> Tenant:
    """Change what members see of the tenant; the same again changes and records nothing.

    time_zone: an IANA name; accent: "#rrggbb", or "" for the house's own.
    Raises Refusal (field set) for a missing right, a bad name, an unknown time zone, or a bad colour.
    """
    actor.must(Right.MANAGE_TENANT)
    wanted = {
        "name": _checked_name(name),
        "time_zone": _checked_time_zone(time_zone),
        "accent": _checked_accent(accent),
    }
    return _change(actor, wanted)


def set_join_policy(actor: Actor, policy: str) -> Tenant:
    """Say who may become a member without being added by hand; the same again changes and records nothing.

    Raises Refusal: "not_allowed", "unknown_policy" (field join_policy).
    """
    actor.must(Right.MANAGE_TENANT)
    if policy not in JoinPolicy.values:
        raise Refusal("unknown_policy", field="join_policy")
    return _change(actor, {"join_policy": policy})


def allow_own_keys(actor: Actor, is_allowed: bool) -> Tenant:
    """Say whether visitors may look into their own accounts at the provider; the same again changes nothing.

    Raises Refusal: "not_allowed".
    """
    actor.must(Right.MANAGE_TENANT)
    return _change(actor, {"allows_own_keys": is_allowed})


@cache
def time_zones() -> frozenset[str]:
    """Every IANA name that this machine knows; read from disk once."""
    return frozenset(available_timezones())


def _change(actor: Actor, wanted: Mapping[str, str | bool]) -> Tenant:
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update(no_key=True).get(pk=actor.tenant.pk)
        changes = {field: [getattr(tenant, field), value] for field, value in wanted.items()}
        changes = {field: pair for field, pair in changes.items() if pair[0] != pair[1]}
        if changes:
            _write(tenant, actor, changes)
    return tenant


def _write(tenant: Tenant, actor: Actor, changes: dict[str, list[str | bool]]) -> None:
    for field, (_old, new) in changes.items():
        setattr(tenant, field, new)
    tenant.save(update_fields=[*changes, "changed_at"])
    trail.record("tenant.changed", about=tenant.reference, tenant=tenant.public_id, actor=actor.name, changes=changes)


def _new_tenant(name: str) -> Tenant:
    """The row, under the first free address; two founders of one name at the same moment get two addresses."""
    for slug in _slugs(name):
        try:
            with transaction.atomic():
                return Tenant.objects.create(name=name, slug=slug, time_zone=settings.DEFAULT_TIME_ZONE)
        except IntegrityError:
            continue
    raise RuntimeError(f"No free address for a tenant in {_SLUG_TRIES} tries.")


def _slugs(name: str) -> Iterator[str]:
    """The name as an address, then the same with a few characters of chance."""
    base = slugify(name)[:40].strip("-_") or "tenant"
    if base != "tenant":
        yield base
    for _try in range(_SLUG_TRIES):
        yield f"{base}-{secrets.token_hex(3)}"


def _checked_name(name: str) -> str:
    name, most = name.strip(), Tenant._meta.get_field("name").max_length or 0
    if not name:
        raise Refusal("name_needed", field="name")
    if len(name) > most:
        raise Refusal("name_too_long", field="name", most=most)
    return name


def _checked_time_zone(time_zone: str) -> str:
    if time_zone not in time_zones():
        raise Refusal("unknown_time_zone", field="time_zone")
    return time_zone


def _checked_accent(accent: str) -> str:
    """It ends in a stylesheet, so nothing but a colour passes."""
    if accent and not _ACCENT.fullmatch(accent):
        raise Refusal("bad_accent", field="accent")
    return accent.lower()
