"""Fetch a file from an address that a person gave."""

from pathlib import Path

from django.conf import settings

from revidweb.lib import download, http
from revidweb.lib.refusal import Refusal

FIELD = "img_url"

FetchFailed = download.FetchFailed


def check(url: str) -> None:
    """Refuse, at the field `img_url`, what the text alone shows to be no public http address; asks no DNS.

    Raises Refusal "bad_address" or "private_address".
    """
    http.check(url, field=FIELD)


def fetch(url: str, target: Path, *, max_bytes: int, timeout_s: float | None = None) -> None:
    """Write what the address delivers to `target`; nothing stays there when it fails. Never call it in a request.

    max_bytes bounds the body; timeout_s (by default FETCH_TIMEOUT_S) bounds everything together. A repeat fetches anew.
    Raises what `download.fetch` raises; a Refusal names the field.
    """
    limit_s = settings.FETCH_TIMEOUT_S if timeout_s is None else timeout_s
    try:
        with target.open("wb") as file:
            download.fetch(url, file, max_bytes=max_bytes, timeout_s=limit_s)
    except Refusal as refusal:
        refusal.field = FIELD
        target.unlink(missing_ok=True)
        raise
    except FetchFailed:
        target.unlink(missing_ok=True)
        raise
