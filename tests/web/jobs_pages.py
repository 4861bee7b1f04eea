"""What the tests of the pages about jobs share: a tenant that can work, and jobs in any state."""

import re
from collections.abc import Callable

from django.http import HttpResponse
from django.urls import reverse

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, of
from revidweb.accounts.models import Role
from revidweb.catalog import founding
from revidweb.credits import ledger
from revidweb.jobs import submit
from revidweb.jobs.models import Job
from revidweb.providers.base import Kind, Mode, Order
from tests import makers

HTMX = {"HX-Request": "true"}


def an_owner() -> Actor:
    return of(founding.found(makers.a_person(), name="Studio"))


def a_user(owner: Actor, credits: int = 100) -> Actor:
    member = members.add(owner.tenant, makers.a_person(), role=Role.USER)
    if credits:
        ledger.grant(member, credits=credits, reference=f"grant:{member.public_id}", actor="system")
    return of(member)


def a_job(actor: Actor, prompt: str = "Paper boats at dusk", *, count: int = 1, **changes: object) -> Job:
    """Queued at 4 credits; the newest of its batch. changes: of the order."""
    order = Order(**{"kind": Kind.IMAGE, "mode": Mode.T2I, "model": "image-4.0", "prompt": prompt} | changes)
    batch = submit.submit(actor, order, count=count, token=f"form-{Job.objects.count()}")
    return batch.jobs.order_by("pk").last()


def url(name: str, actor: Actor, job: Job | None = None) -> str:
    return reverse(name, args=[actor.tenant.slug, *([job.public_id] if job else [])])


def get(actor: Actor, name: str, job: Job | None = None, query: str = "", **headers: str) -> HttpResponse:
    return makers.a_client(actor.member).get(url(name, actor, job) + query, headers=headers)


def text(answer: HttpResponse) -> str:
    """What a person reads of the content."""
    page = re.sub(r"<template>.*?</template>", " ", answer.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def many(make: Callable[[], Job], count: int) -> list[Job]:
    return [make() for _ in range(count)]
