"""A tenant's own host names: asked for by the tenant, approved by the operator, and then served."""

import re
import time

import idna
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http.request import validate_host

from revidweb.lib import clock, http
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from .actors import Actor, Right
from .models import Host, HostPurpose, HostState, Person, Tenant

_MOST_CHARS = 253
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PUBLIC_NAME = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}")  # no address ends in a letter's label
_NOBODYS = http.PRIVATE_ENDINGS | {"example"}
_KNOWN_S = 5  # so long another process may serve a host that was withdrawn
_MOST_KNOWN = 1000

_known: dict[str, tuple[float, Host | None]] = {}


def ask(actor: Actor, *, name: str, purpose: str) -> Host:
    """Ask the operator to serve the tenant under this name, instead of what was asked before and not approved.

    name: a public DNS name in any script; kept in lower case and ASCII. purpose: web or media. The same again changes
    nothing; one that was refused waits anew.
    Raises Refusal "not_allowed"; at the field host: "bad_host", "private_host", "host_is_ours", "host_taken",
    "host_in_use" (fact name: the approved one, which must be withdrawn first).
    """
    actor.must(Right.MANAGE_TENANT)
    name = checked(name)
    try:
        with transaction.atomic():
            return _ask(actor, name, HostPurpose(purpose))
    except IntegrityError:
        raise Refusal("host_taken", field="host") from None


def withdraw(actor: Actor, host: Host) -> None:
    """Serve the tenant under this name no longer. Again: nothing happens. Raises Refusal "not_allowed"."""
    actor.must(Right.MANAGE_TENANT)
    with transaction.atomic():
        gone, _by_table = Host.objects.filter(pk=host.pk, tenant=actor.tenant).delete()
        if gone:
            _record("host.withdrawn", host, actor.name)
    _known.pop(host.name, None)


def decide(host: Host, *, approved: bool, operator: Person) -> None:
    """Let a host be served, or not (any more). The same again changes nothing. `host` is brought up to date."""
    state = HostState.APPROVED if approved else HostState.REFUSED
    now = clock.now()
    with transaction.atomic():
        if Host.objects.filter(pk=host.pk).exclude(state=state).update(state=state, decided_at=now):
            _record(f"host.{state}", host, operator.reference)
    _known.pop(host.name, None)
    host.refresh_from_db()


def of(tenant: Tenant) -> dict[str, Host]:
    """The tenant's hosts by purpose. One query."""
    return {host.purpose: host for host in Host.objects.filter(tenant=tenant)}


def waiting_count() -> int:
    """How many hosts wait for the operator. One query."""
    return Host.objects.filter(state=HostState.ASKED).count()


def origin(tenant: Tenant) -> str:
    """Scheme and host under which people reach the tenant: its own web host, if it is served, else the installation's.

    One query.
    """
    host = Host.objects.filter(tenant=tenant, purpose=HostPurpose.WEB, state=HostState.APPROVED).first()
    public: str = settings.PUBLIC_URL
    return f"{public.partition('://')[0]}://{host.name}" if host else public


def served(name: str) -> Host | None:
    """The approved host of this name, with its tenant. One query; each process remembers the answer for 5 seconds."""
    now = time.monotonic()
    until, host = _known.get(name, (0.0, None))
    if until < now:
        host = _approved(name)
        if len(_known) >= _MOST_KNOWN:  # somebody tries names: what is remembered must not grow with that
            _known.clear()
        _known[name] = now + _KNOWN_S, host
    return host


def checked(name: str) -> str:
    """The name as DNS knows it. Raises Refusal (field host): "bad_host", "private_host", "host_is_ours"."""
    name = _in_ascii(name.strip().lower().removesuffix("."))
    if name.rpartition(".")[2] in _NOBODYS:
        raise Refusal("private_host", field="host")
    if len(name) > _MOST_CHARS or not _PUBLIC_NAME.fullmatch(name):
        raise Refusal("bad_host", field="host")
    if validate_host(name, settings.MAIN_HOSTS):
        raise Refusal("host_is_ours", field="host")
    return name


def _in_ascii(name: str) -> str:
    if len(name) > _MOST_CHARS:
        raise Refusal("bad_host", field="host")
    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        raise Refusal("bad_host", field="host") from None


def _ask(actor: Actor, name: str, purpose: HostPurpose) -> Host:
    tenant = Tenant.objects.select_for_update(no_key=True).get(pk=actor.tenant.pk)
    there = Host.objects.filter(tenant=tenant, purpose=purpose).first()
    if there is not None:
        if there.name == name and there.state != HostState.REFUSED:
            return there
        if there.state == HostState.APPROVED:
            raise Refusal("host_in_use", field="host", name=there.name)
        there.delete()
    Host.objects.filter(name=name, state=HostState.REFUSED).delete()  # whoever was refused keeps nobody from it
    host = Host.objects.create(tenant=tenant, name=name, purpose=purpose)
    _record("host.asked", host, actor.name)
    return host


def _approved(name: str) -> Host | None:
    if len(name) > _MOST_CHARS:
        return None
    return Host.objects.select_related("tenant").filter(name=name, state=HostState.APPROVED).first()


def _record(what: str, host: Host, by: str) -> None:
    tenant = host.tenant
    trail.record(
        what, about=tenant.reference, tenant=tenant.public_id, actor=by, name=host.name, purpose=str(host.purpose)
    )
