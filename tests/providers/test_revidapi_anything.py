"""RevidAPI: whatever an upstream answers, wherever, only the four errors are raised, and none of them holds the key."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies

from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.base import Account, Mode, ProviderError
from revidweb.providers.revidapi import uploads

from .conftest import KEY
from .orders import image_order, of_bytes
from .upstream import Reply, an_upstream

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WORDS = strategies.sampled_from(
    [
        *("job_id", "jobId", "id", "status", "state", "result", "results", "url", "error", "message", "detail", "loc"),
        *("data", "job", "jobs", "models", "model", "pricing", "params", "capabilities", "resolutions", "type"),
        *("balance", "credits", "cost", "balance_remaining", "limits", "active", "total_concurrent", "total"),
        *("prompt", "created_at", "input_params", "input_images", "img_url", "pages", "upload_id", "upload_url"),
        *("headers", "refunded", "refund", "progress", "key", "user"),
    ]
)
TEXTS = strategies.one_of(
    strategies.text(max_size=20),
    strategies.sampled_from(
        [
            *(
                "completed",
                "failed",
                "failed: x",
                "FAILED",
                "processing",
                "cancelled",
                "ready",
                "job_1",
                "a quiet valley",
            ),
            *(
                "nano-banana-pro",
                "https://a.invalid/1.png",
                "http://[::1",
                "https://10.0.0.1/x",
                "[",
                '{"url": "x"}',
                "5s",
            ),
            *(
                "1e999999999",
                "nan",
                "-1",
                "2026-11-20T12:00:00Z",
                "1795089600",
                KEY,
                f"Invalid API key {KEY}",
                "400: x",
            ),
        ]
    ),
)
VALUES = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | TEXTS,
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(WORDS | TEXTS, inner, max_size=6),
    max_leaves=20,
)
BODIES = strategies.one_of(
    VALUES.map(lambda value: json.dumps(value).encode()),
    strategies.dictionaries(WORDS, VALUES, min_size=1, max_size=8).map(lambda value: json.dumps(value).encode()),
    strategies.binary(max_size=200),
    strategies.text(max_size=200).map(lambda text: f"<html><title>{text}</title>{KEY}</html>".encode(errors="replace")),
)
STATUSES = strategies.sampled_from([200, 200, 200, 201, 202, 302, 400, 401, 402, 403, 404, 422, 429, 500, 503, 524])


class AnyUpstream:
    """Says one thing to everybody."""

    def __init__(self, upstream):
        self.account = Account("con_1", f"{upstream.url}/v1", KEY)
        self._upstream = upstream

    def says(self, status, body):
        self._upstream.reply = lambda line: Reply(status, body)


@pytest.fixture
def anything(settings, monkeypatch):
    monkeypatch.setattr(uploads, "_LOOK_S", 0.001)
    monkeypatch.setattr(uploads, "_READABLE_TRIES", 1)
    settings.REVIDAPI_CREATE_TIMEOUT_S = 0.02
    settings.REVIDAPI_PRESIGN_BYTES = 1000
    with an_upstream() as upstream:
        settings.PRIVATE_HOSTS = frozenset({upstream.host})
        yield AnyUpstream(upstream)


def deeds(account):
    """Every call that a house makes."""
    it = registry.provider("revidapi")
    window = {"since": NOW, "until": NOW + timedelta(seconds=1)}
    yield lambda: it.poll(account, "job_1")
    yield lambda: it.cancel(account, "job_1")
    yield lambda: it.job_list(account, most_requests=20).find(image_order(), **window)
    yield lambda: it.check(account)
    yield lambda: it.models(account)
    yield lambda: it.balance(account)
    yield lambda: it.limits(account)
    yield lambda: it.fetch(account, f"{account.base_url}/x.png", BytesIO(), max_bytes=100)
    yield lambda: it.submit(account, image_order(), attempt=1)
    yield lambda: it.submit(account, image_order(mode=Mode.I2I, inputs=[of_bytes()]), attempt=1)
    yield lambda: it.upload(account, of_bytes())
    yield lambda: it.upload(account, of_bytes(bytes(2000)))
    yield lambda: it.upload_from_url(account, "https://example.com/a.png", kind="image")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(status=STATUSES, body=BODIES)
@example(status=200, body=b"[" * 100_000)
@example(status=200, body=b'{"status": "failed", "error": ' + b"[" * 500 + b"]" * 500 + b"}")
@example(status=200, body=b'{"balance": 1' + b"0" * 5000 + b"}")
@example(status=200, body=b'{"balance": 1e999999999, "cost": "1e-999999999", "job_id": "x", "progress": 1e400}')
@example(status=200, body=b'{"balance": NaN, "limits": {"total_concurrent": Infinity}, "status": "done"}')
@example(status=401, body=f'{{"detail": "Invalid API key {KEY}"}}'.encode())
@example(status=200, body=b"\xff\xfe{")
def test_any_answer_anywhere_is_understood_or_one_of_the_four_errors(status, body, anything):
    anything.says(status, body)
    for deed in deeds(anything.account):
        try:
            told = deed()
        except ProviderError as error:
            told = (error.reason, error.code, error.args, error.__cause__, error.__context__)
        except Refusal as refusal:
            told = refusal
        assert KEY not in f"{told!r} {told}"
