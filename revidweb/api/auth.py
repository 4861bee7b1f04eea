"""Who asks: the key of the Authorization header, from the address that it comes from, within its rate."""

from typing import Any

import structlog
from django.http import HttpRequest
from ninja.security import HttpBearer

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Host
from revidweb.keys import checking, rating
from revidweb.keys.models import ApiKey
from revidweb.keys.rating import Rate
from revidweb.lib import addresses
from revidweb.lib.refusal import Refusal

PREFIX_CHARS = 12  # of a secret, as it may be shown: "sk_live_7Qm2"


class KeyRequest(HttpRequest):
    """A request that was let in. `rate`: of a key that has one; `key_prefix`: the beginning of what it showed."""

    key: ApiKey
    actor: Actor
    rate: Rate | None
    key_prefix: str


class BearerKey(HttpBearer):
    """Let in who shows a key: `request.key` and `request.actor` are set then.

    Raises Refusal: key_missing, what `checking.by_secret` refuses, and key_rate.
    """

    openapi_bearerFormat = "sk_live_..."  # noqa: N815 — OpenAPI's word, which ninja looks for

    def __call__(self, request: HttpRequest) -> Any:
        """The key, which every later step finds on the request."""
        return self.authenticate(request, _shown(request))

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey:
        """Look the secret up, once."""
        key = checking.by_secret(token, address=addresses.of(request.META))
        if _is_elsewhere(request, key):
            raise Refusal("key_unknown")
        structlog.contextvars.bind_contextvars(key_id=key.public_id)
        let_in(request, key, prefix=token[:PREFIX_CHARS])
        return key


def let_in(request: HttpRequest, key: ApiKey, *, prefix: str) -> None:
    """Set what later steps read, and count the request against the key's rate."""
    vars(request).update(key=key, actor=checking.actor_of(key), key_prefix=prefix, rate=None)
    vars(request)["rate"] = rating.take(key)


def _shown(request: HttpRequest) -> str:
    scheme, _space, secret = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Refusal("key_missing")
    return secret.strip()


def _is_elsewhere(request: HttpRequest, key: ApiKey) -> bool:
    """Whether the host that was asked is another tenant's own."""
    host: Host | None = getattr(request, "tenant_host", None)
    return host is not None and host.tenant_id != key.tenant_id
