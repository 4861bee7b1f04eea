"""What a request carries, JSON, multipart and URL-encoded alike: plain values under their names."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict

from revidweb.providers.base import Param

from .errors import Failed, bad

JSON, FORM, URLENCODED = "application/json", "multipart/form-data", "application/x-www-form-urlencoded"
PROMPT_MOST = 100_000  # bounded below by PROMPT_MAX_CHARS, which says how much is too much
_TEXT_MOST = 2000
_TRUE = ("true", "1", "on", "yes")
_FALSE = ("false", "0", "off", "no", "")
_DIGITS_MOST = 15


@dataclass(frozen=True)
class Body:
    """The values under each name, in their order, and the files. Nothing stands for a null."""

    values: Mapping[str, Sequence[Any]]
    files: "MultiValueDict[str, UploadedFile[bytes]]"

    def text(self, name: str, *aliases: str, most: int = _TEXT_MOST) -> str:
        """The text under the first of the names that is there, "" where none is. 400: no text, or too long a one."""
        found, value = self._first(name, *aliases)
        if not isinstance(value, str):
            raise bad(found, "must be a string")
        return _clean(found, value, most)

    def scalar(self, name: str) -> Param | None:
        """A text, a whole number, or yes or no; None where there is none. 400: a list, an object, a broken number."""
        _found, value = self._first(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, str | int) or (type(value) is int and abs(value) >= 10**_DIGITS_MOST):
            raise bad(name, "must be a string or a whole number")
        value = _clean(name, value, _TEXT_MOST).strip() if isinstance(value, str) else value
        return None if value == "" else value

    def whole(self, name: str, *, default: int, least: int, most: int) -> int:
        """A whole number, also as digits. 400: anything else, or out of range."""
        value = self.scalar(name)
        if value is None:
            return default
        number = int(value) if is_whole(value) else None
        if number is None or not least <= number <= most:
            raise bad(name, f"must be a whole number from {least} to {most}")
        return number

    def flag(self, name: str) -> bool | None:
        """Yes or no, also as a word; None where there is none. 400: anything else."""
        value = self.scalar(name)
        word = str(value).lower()
        if value is None or word in _TRUE:
            return None if value is None else True
        if word not in _FALSE:
            raise bad(name, "must be true or false")
        return False

    def texts(self, *names: str, most: int = _TEXT_MOST) -> list[str]:
        """Every text under the names: one, several fields of a form, a list, or a list as JSON in a text; each once."""
        found = (_listed(name, value) for name in names for value in self.values.get(name, ()))
        words = (_clean(*pair, most).strip() for pairs in found for pair in pairs)
        return list(dict.fromkeys(filter(None, words)))

    def fingerprint(self, kind: str) -> str:
        """What is asked, in one word: the values under their names, and the files by their content. kind: of what."""
        files = [[name, [_digest(file) for file in self.files.getlist(name)]] for name in sorted(self.files)]
        asked = json.dumps([kind, {name: list(values) for name, values in self.values.items()}, files], sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()

    def _first(self, *names: str) -> tuple[str, Any]:
        """The last value under the first name that has one; "" for none."""
        return next(((name, self.values[name][-1]) for name in names if self.values.get(name)), (names[0], ""))


def read(request: HttpRequest) -> Body:
    """The request's body. An empty one without a content type has no values.

    Raises Failed 400: another content type, broken JSON, no object, a broken form, too large.
    """
    content_type = request.content_type or ""
    try:
        if content_type == JSON or content_type.endswith("+json"):
            return Body(_object(request.body), MultiValueDict())
        if content_type in (FORM, URLENCODED):
            return Body(dict(request.POST.lists()), request.FILES)
        if request.body:
            raise Failed(400, f"Content-Type must be {JSON} or {FORM}")
    except (MultiPartParserError, SuspiciousOperation, UnreadablePostError) as error:
        raise Failed(400, _unread(error)) from error
    return Body({}, MultiValueDict())


def is_whole(value: object) -> bool:
    """Whether this is a whole number, or digits that are one."""
    if isinstance(value, str):
        return value.isascii() and value.removeprefix("-").isdecimal() and len(value) <= _DIGITS_MOST
    return type(value) is int


def _digest(file: "UploadedFile[bytes]") -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _object(body: bytes) -> dict[str, list[Any]]:
    if not body.strip():
        return {}
    try:
        told = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Failed(400, "The body is not valid JSON") from None
    if not isinstance(told, dict):
        raise Failed(400, "The body must be a JSON object")
    return {name: [value] for name, value in told.items() if value is not None}


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON.")


def _unread(error: Exception) -> str:
    if isinstance(error, SuspiciousOperation):
        return "The body is too large"
    return "The body could not be read"


def _listed(name: str, value: Any) -> list[tuple[str, Any]]:
    """One text, or the texts of a list, also of one that was written as JSON into a text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise bad(name, "must be a string or a list of strings") from None
    return [(name, each) for each in value] if isinstance(value, list) else [(name, value)]


def _clean(name: str, value: Any, most: int) -> str:
    """A text that every database takes. 400: something else."""
    if not isinstance(value, str):
        raise bad(name, "must be a string")
    if len(value) > most:
        raise bad(name, f"must have at most {most} characters")
    if "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise bad(name, "has characters that are no text")
    return value
