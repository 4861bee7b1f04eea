"""The keys of connections: checked as text, sealed, replaced, forgotten. None of them is ever shown again."""

import hashlib
import hmac
import re
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce

from revidweb.lib import clock, http, sealing
from revidweb.lib.refusal import Refusal

from . import budget
from .models import AccountCopy, Connection, Credential

KEY_MAX_CHARS = 500
BASE_URL_MAX_CHARS = 300
_REASON_MAX_CHARS = 300
_PREFIX = re.compile(r"(?:[a-z]{1,8}_){1,2}")
_TELLS_NOTHING = 16  # of a key this long the last four characters may be shown


def clean_base_url(text: str) -> str:
    """The address as it is kept: with its scheme, host in lower case, without a slash at the end. Asks no DNS.

    Plain http only to what `PRIVATE_HOSTS` names: the key would travel where everybody reads it.
    Raises Refusal "bad_address", "private_address" (fact host=) or "plain_http", field base_url.
    """
    text = text.strip()
    url = (text if "://" in text else f"https://{text}").rstrip("/")
    http.check(url, field="base_url")
    parts = urlsplit(url)
    if parts.query or parts.fragment or len(url) > BASE_URL_MAX_CHARS or any(mark in url for mark in "?#"):
        raise Refusal("bad_address", field="base_url")
    host = parts.netloc.lower()
    if parts.scheme == "http" and (host if parts.port else f"{host}:80") not in settings.PRIVATE_HOSTS:
        raise Refusal("plain_http", field="base_url")
    return f"{parts.scheme}://{host}{parts.path}"


def clean_key(text: str) -> str:
    """The key as it is sent: without the spaces and the word "Bearer" that are copied along with it.

    Raises Refusal "key_needed" or "bad_key" (no text that a header can carry), field key.
    """
    key = text.strip().removeprefix("Bearer ").strip()
    if not key:
        raise Refusal("key_needed", field="key")
    if len(key) > KEY_MAX_CHARS or not key.isascii() or not key.isprintable() or " " in key:
        raise Refusal("bad_key", field="key")
    return key


def hint(key: str) -> str:
    """What may be shown of a key: "sk_live_…ab12", and of a short one less."""
    prefix = _PREFIX.match(key)
    return f"{prefix[0] if prefix else ''}…{key[-4:] if len(key) >= _TELLS_NOTHING else ''}"


def without_key(text: str, key: str) -> str:
    """A provider's words as they may be kept: at most 300 characters, the key blotted out wherever it is repeated."""
    return (text.replace(key, hint(key)) if key else text)[:_REASON_MAX_CHARS]


@transaction.atomic
def keep(connection: Connection, *, base_url: str, key: str) -> Credential:
    """Seal the key and use it for new orders; both are clean. The one before retires and goes on with what it made.

    Trouble and failing belonged to the old one and are cleared. The key that is in use already stays as it is.
    Raises Refusal "connection_exists" (another connection of the tenant uses this key there) or "connection_removed".
    """
    current = Connection.objects.present().select_for_update(no_key=True).filter(pk=connection.pk).first()
    if current is None:
        raise Refusal("connection_removed")
    mark = _fingerprint(connection, base_url, key)
    credential = current.credential  # read after the lock: a join would still show the one before
    if credential is None or credential.fingerprint != mark:
        connection.credentials.filter(retired_at__isnull=True).update(retired_at=clock.now())
        _forget_copies(connection)
        credential = _sealed(connection, base_url, key, mark)
    _use(connection, credential)
    return credential


def forget(connection: Connection) -> None:
    """Wipe every key of the connection, and what their accounts told, for good; a second call changes nothing."""
    connection.credentials.update(sealed="", fingerprint="", retired_at=Coalesce(F("retired_at"), clock.now()))
    _forget_copies(connection)


def _forget_copies(connection: Connection) -> None:
    """Another key may be another account's."""
    AccountCopy.objects.filter(credential__connection=connection).delete()


def _sealed(connection: Connection, base_url: str, key: str, mark: str) -> Credential:
    try:
        with transaction.atomic():
            return Credential.objects.create(
                connection=connection,
                base_url=base_url,
                sealed=sealing.seal(key),
                hint=hint(key),
                fingerprint=mark,
                tokens=budget.burst(),
            )
    except IntegrityError:  # of two at once the database lets one through
        raise Refusal("connection_exists", field="key") from None


def _fingerprint(connection: Connection, base_url: str, key: str) -> str:
    """The same for the same key at the same address in one tenant, and tells nothing to who lacks `SECRET_KEY`.

    Two tenants with one key have different ones. After a change of `SECRET_KEY` older keys are not known again.
    """
    known = f"{connection.tenant_id}\n{base_url}\n{key}"
    return hmac.new(settings.SECRET_KEY.encode(), known.encode(), hashlib.sha256).hexdigest()


def _use(connection: Connection, credential: Credential) -> None:
    fresh = {
        "credential": credential,
        "trouble": "",
        "trouble_reason": "",
        "trouble_since": None,
        "failing_since": None,
        "failure": "",
        "next_check_at": clock.now(),
    }
    Connection.objects.filter(pk=connection.pk).update(**fresh)
    for name, value in fresh.items():
        setattr(connection, name, value)
