"""The examples that docs/webhooks.md gives to receivers hold against what is really sent."""

import json
import re
import shutil
import subprocess
import time

import pytest

from revidweb.env import BASE_DIR
from revidweb.keys import issuing
from revidweb.notices import signing
from tests.keys.makers import a_key

from .makers import Request, a_delivery, a_receiver, send_due

pytestmark = pytest.mark.django_db
DOCS = (BASE_DIR / "docs/webhooks.md").read_text()


def example(language: str) -> str:
    (code,) = re.findall(rf"```{language}\n(.*?)```", DOCS, flags=re.DOTALL)
    return code


@pytest.fixture
def sent(settings) -> tuple[str, Request]:
    """The key's secret, and what arrived."""
    key = a_key().key
    with a_receiver(settings) as receiver:
        a_delivery(receiver.url(), key)
        send_due()
        return issuing.signing_secret(key), receiver.got[0]


def in_python(secret: str, headers: dict[str, str], body: bytes) -> bool:
    names: dict = {}
    exec(example("python"), names)
    return names["is_ours"](secret, headers, body)


def in_javascript(secret: str, headers: dict[str, str], body: bytes) -> bool:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node")
    ask = f"console.log(isOurs(...{json.dumps([secret, headers, body.decode()])}));"
    command = [node, "--input-type=module", "--eval", example("javascript") + ask]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return ran.stdout.strip() == "true"


@pytest.mark.parametrize("is_ours", [in_python, in_javascript])
def test_the_examples_tell_what_is_ours_from_what_is_not(sent, is_ours):
    secret, got = sent
    assert is_ours(secret, got.headers, got.body)
    assert not is_ours(secret, got.headers, got.body + b" ")
    assert not is_ours(secret, got.headers | {"webhook-id": "evt_other"}, got.body)
    assert not is_ours(issuing.signing_secret(a_key().key), got.headers, got.body)
    assert not is_ours(secret, got.headers | {"webhook-signature": "v1,bm8="}, got.body)


@pytest.mark.parametrize("is_ours", [in_python, in_javascript])
def test_the_examples_take_one_good_signature_of_several(sent, is_ours):
    secret, got = sent
    several = got.headers | {"webhook-signature": "v1,bm8= " + got.headers["webhook-signature"]}
    assert is_ours(secret, several, got.body)


@pytest.mark.parametrize("is_ours", [in_python, in_javascript])
def test_the_examples_refuse_what_is_old(sent, is_ours):
    secret, got = sent
    at = int(time.time()) - 400
    body = got.body.decode()
    old = signing.headers(secret, event_id="evt_1", at=at, body=body)
    assert not is_ours(secret, old, got.body)
    fresh = signing.headers(secret, event_id="evt_1", at=at + 400, body=body)
    assert is_ours(secret, fresh, got.body)
