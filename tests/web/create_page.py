"""The Create page as a person meets it: sent, answered, and read for what it says at which field."""

import re
from html import unescape
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from revidweb.accounts.actors import Actor
from tests import makers

HTMX = {"HX-Request": "true"}
IMAGE = {"model": "image-4.0", "prompt": "Paper boats at dusk", "count": "1", "token": "form-1"}  # 4 credits
CLIP = IMAGE | {"model": "kling-2.6", "duration": "5"}  # 15 credits

_FIELD = re.compile(r'(?=<(?:div|fieldset) class="field")')
_ERROR = re.compile(r'class="field-error"[^>]*>(.*?)</div>', re.DOTALL)
_ABOVE = re.compile(r'<div class="notice" data-state="bad"[^>]*>(.*?)</div>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def address(actor: Actor, kind: str = "image", **query: str) -> str:
    return reverse("create", args=[actor.tenant.slug, kind], query=query or None)


def shown(actor: Actor, kind: str = "image", **query: str) -> str:
    """The page's text as HTML."""
    return makers.a_client(actor.member).get(address(actor, kind, **query)).content.decode()


def sent(actor: Actor, order: dict[str, Any], *, kind: str = "image", part: bool = True) -> HttpResponse:
    """The answer to the form; part: sent by htmx."""
    return makers.a_client(actor.member).post(address(actor, kind), order, headers=HTMX if part else {})


def error_at(answer: HttpResponse, field: str) -> str:
    """The sentence that stands at a control, after it and before the next field; "" where there is none."""
    for part in _FIELD.split(answer.content.decode()):
        _before, control, after = part.partition(f'name="{field}"')
        if control and (found := _ERROR.search(after)):
            return _words(found[1])
    return ""


def error_above(answer: HttpResponse) -> str:
    """The sentence above the form."""
    found = _ABOVE.search(answer.content.decode())
    return _words(found[1]) if found else ""


def button(html: str) -> str:
    """The words on the button that submits."""
    found = re.search(r'<button[^>]*id="generate"[^>]*>(.*?)</button>', html, re.DOTALL)
    return _words(found[1]) if found else ""


def _words(html: str) -> str:
    return " ".join(unescape(_TAG.sub("", html)).split())
