"""Jobs that ended at chosen times, with their settlements, many at once; and usage counted the slow way."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from revidweb.accounts.models import Member, Tenant
from revidweb.catalog.models import MediaModel, Offer
from revidweb.connections.models import Connection
from revidweb.credits.models import Hold, Wallet, WalletKind
from revidweb.jobs.models import Batch, Job, Settlement
from revidweb.keys.models import ApiKey
from tests import makers
from tests.catalog.makers import a_connection
from tests.keys.makers import a_key
from tests.library.makers import a_model

_count = itertools.count(1)


@dataclass(frozen=True)
class End:
    """One job's end. model, member, connection: positions in the studio's lists; key: 0 for none, else from 1."""

    at: datetime
    verdict: str = "done"
    credits: int = 4
    model: int = 0
    member: int = 0
    key: int = 0
    connection: int = 0
    server: str = "fast"
    cost: int = 3
    took_s: int = 10


@dataclass(frozen=True)
class Studio:
    """A tenant with an owner and two users, a key of each user, two models and two connections."""

    tenant: Tenant
    members: Sequence[Member]
    keys: Sequence[ApiKey]
    models: Sequence[MediaModel]
    connections: Sequence[Connection]
    house: Wallet = field(repr=False)

    @property
    def owner(self) -> Member:
        return self.members[0]


def a_studio(time_zone: str = "UTC") -> Studio:
    tenant = makers.a_tenant(time_zone=time_zone)
    roles = ("owner", "user", "user")
    members = [makers.a_member(tenant, role=role) for role in roles]
    keys = [a_key(member).key for member in members[1:]]
    house, _is_new = Wallet.objects.get_or_create(tenant=tenant, kind=WalletKind.HOUSE)
    return Studio(
        tenant,
        members,
        keys,
        [a_model(kind="image"), a_model(kind="video")],
        [a_connection(tenant) for _ in range(2)],
        house,
    )


def ended(studio: Studio, ends: Iterable[End]) -> list[Job]:
    """Their jobs, each with its settlement, which nobody has counted."""
    ends = list(ends)
    names = [f"job_e{next(_count)}" for _ in ends]
    batch = Batch.objects.create(tenant=studio.tenant, member=studio.owner, count=1)
    holds = Hold.objects.bulk_create(
        Hold(wallet=studio.house, credits=end.credits, reference=f"job:{name}", state="released", ended_at=end.at)
        for name, end in zip(names, ends, strict=True)
    )
    jobs = Job.objects.bulk_create(
        _job(studio, end, public_id=name, hold=hold, batch=batch)
        for name, end, hold in zip(names, ends, holds, strict=True)
    )
    Settlement.objects.bulk_create(
        Settlement(
            job=job,
            tenant=studio.tenant,
            verdict=end.verdict,
            credits=0 if end.verdict in ("failed", "lost") else end.credits,
            upstream_cost_micros=end.cost * 1_000_000,
            at=end.at,
        )
        for job, end in zip(jobs, ends, strict=True)
    )
    return jobs


def _job(studio: Studio, end: End, **fields) -> Job:
    key = studio.keys[end.key - 1] if end.key else None
    model, connection = studio.models[end.model], studio.connections[end.connection]
    return Job(
        tenant=studio.tenant,
        member=key.member if key else studio.members[end.member],
        key=key,
        kind=model.kind,
        mode="t2i",
        media_model=model,
        prompt="A quiet harbour",
        offer=Offer.objects.get_or_create(media_model=model, connection=connection)[0],
        connection=connection,
        server=end.server,
        price_key="1k",
        upstream_credits=end.cost,
        credits=end.credits,
        state={"lost": "failed"}.get(end.verdict, end.verdict),
        created_at=end.at - timedelta(seconds=end.took_s),
        ended_at=end.at,
        **fields,
    )


def at(day: date, hour: int = 12, minute: int = 0, zone: str = "UTC") -> datetime:
    """A moment of the tenant's day, aware UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)
