"""Programs with keys, and what they send."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from revidweb.accounts import actors, members
from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Role
from revidweb.credits import ledger
from revidweb.keys import issuing
from revidweb.keys.issuing import Limits
from revidweb.keys.models import ApiKey
from tests import makers

PICTURE = {"prompt": "Paper boats at dusk", "model": "image-4.0"}  # 4 credits: it has one price
CLIP = {"prompt": "Paper boats at dusk", "model": "kling-2.6", "duration": "5s"}


class Program:
    """A program that asks with a key; JSON unless it sends a form. `ask` is any request, its answer as it came."""

    def __init__(self, secret: str = "", key: ApiKey | None = None, **headers: str) -> None:
        self.secret, self._key, self.headers = secret, key, headers
        self.client = Client()

    @property
    def key(self) -> ApiKey:
        """The key as it stands now."""
        assert self._key is not None
        return ApiKey.objects.get(pk=self._key.pk)

    def ask(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **also: Any):
        told = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        if body is not None:
            also |= {"data": json.dumps(body), "content_type": "application/json"}
        return self.client.generic(method, f"/v1{path}", **also, headers=told | self.headers | (headers or {}))

    def get(self, path: str, **also: Any) -> HttpResponse:
        return self.ask("GET", path, **also)

    def post(self, path: str, body: Any = None, **also: Any) -> HttpResponse:
        return self.ask("POST", path, body, **also)

    def form(self, path: str, fields: dict[str, Any], **headers: str) -> HttpResponse:
        """A multipart form."""
        told = {"Authorization": f"Bearer {self.secret}"} | self.headers | headers
        return self.client.post(f"/v1{path}", fields, headers=told)


def a_user(owner: Actor, *, credits: int = 100) -> Actor:
    """A user of the owner's tenant with so many credits."""
    member = members.add(owner.tenant, makers.a_person(), role=Role.USER)
    if credits:
        ledger.grant(member, credits=credits, reference=f"grant:{member.public_id}", actor="system")
    return actors.of(member)


def a_program(actor: Actor, *, kind: str = "shared", credits: int = 0, **limits: Any) -> Program:
    """A program with a fresh key of the actor's."""
    issued = issuing.issue(actor, kind=kind, name="Batch", token="", credits=credits, limits=Limits(**limits))
    return Program(issued.secret, issued.key)
