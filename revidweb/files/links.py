"""Signed addresses of files: whoever has one may use it, without a key, until it expires.

`/v1/media/<file>/<expires>.<signature>/<variant>.<extension>` opens one variant of a file, and
`/v1/files/upload/<upload>/<expires>.<signature>` takes the bytes of an upload. `expires` is in Unix seconds. The
signature covers all of the rest, and only the installation's SECRET_KEY makes one.
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host
from django.utils.crypto import constant_time_compare, salted_hmac

from revidweb.accounts import hosts
from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Host, HostPurpose, HostState
from revidweb.lib import clock, http
from revidweb.lib.refusal import Refusal

from . import serving
from .models import EXTENSIONS, StoredFile, Upload

FIELD = "img_url"
_MEDIA, _UPLOAD = "/v1/media", "/v1/files/upload"
_SALT = "revidweb.files.links"
_SIGNATURE_BYTES = 16  # 128 bits: nobody guesses one, and the address stays short
_STABLE_S = 3600.0  # so long a file has the same address, which browsers and proxies keep it under
_TICKET = re.compile(r"(?P<expires>[0-9]{1,12})\.(?P<signature>[A-Za-z0-9_-]{22})")
_PATH = re.compile(rf"{_MEDIA}/([a-z0-9_]{{1,40}})/([A-Za-z0-9._-]{{1,40}})/([a-z0-9.]{{1,40}})")


@dataclass(frozen=True)
class Link:
    """What a media address that we signed opens, and until when."""

    file_id: str
    variant: str
    expires_at: datetime

    @property
    def left_s(self) -> int:
        """Seconds that it is still good for; 0 or less once it has expired."""
        return int((self.expires_at - clock.now()).total_seconds())


def sign(file: StoredFile, *, name_variant: str = serving.ORIGINAL, origin: str = "") -> str:
    """An address that opens the file, or its `thumb` or `poster`, without a header for MEDIA_LINK_S seconds or longer.

    Within an hour it is the same one. It ends in the extension of what it opens. origin: `origin_of` the file's
    tenant, for who signs many; else it is asked for (one query).
    """
    _path, content_type = serving.variants(file)[name_variant]
    name = f"{name_variant}{EXTENSIONS[content_type]}"
    step_s = min(_STABLE_S, settings.MEDIA_LINK_S)
    expires = int((clock.now().timestamp() // step_s + 1) * step_s + settings.MEDIA_LINK_S)
    ticket = _ticket(expires, "media", file.public_id, name)
    return f"{origin or origin_of(file.tenant_id)}{_MEDIA}/{file.public_id}/{ticket}/{name}"


def origin_of(tenant_id: int) -> str:
    """Scheme and host of a tenant's media: its media host, else its web host, else the installation's. One query."""
    rows = Host.objects.filter(tenant=tenant_id, state=HostState.APPROVED)
    names = dict(rows.values_list("purpose", "name"))
    name = names.get(HostPurpose.MEDIA) or names.get(HostPurpose.WEB)
    public: str = settings.PUBLIC_URL
    return f"{public.partition('://')[0]}://{name}" if name else public


def read(file_id: str, ticket: str, name: str) -> Link | None:
    """What the parts of a media address open, also after it expired; None for what we did not sign. No query."""
    expires_at = _signed_until(ticket, "media", file_id, name)
    return Link(file_id, name.partition(".")[0], expires_at) if expires_at else None


def own(actor: Actor, url: str) -> StoredFile | None:
    """The stored file behind an address of this installation; None for an address that is somebody else's.

    A file that the actor sees is found by any address that names it; another of the same tenant by one that still
    opens. So an address of ours is never fetched. Two queries at most.
    Raises Refusal "unknown_input" (field img_url) for all else on our hosts: no file, deleted, another tenant's.
    """
    try:
        host, port = http.target(url)
    except Refusal:
        return None  # whoever fetches it says what is wrong with it
    if not _is_ours(host, port):
        return None
    file = _behind(actor, urlsplit(url).path)
    if file is None:
        raise Refusal("unknown_input", field=FIELD)
    return file


def sign_upload(upload: Upload) -> tuple[str, datetime]:
    """Where to PUT the upload's bytes, at the host of the tenant's pages, and until when. One query.

    The address is good for half of the time that the upload waits: no body is on its way when the upload vanishes.
    """
    expires = int(upload.created_at.timestamp() + settings.UPLOAD_WAIT_S / 2)
    ticket = _ticket(expires, "upload", upload.public_id)
    return f"{hosts.origin(upload.tenant)}{_UPLOAD}/{upload.public_id}/{ticket}", _moment(expires)


def put_until(upload_id: str, ticket: str) -> datetime | None:
    """Until when the parts of an upload's address are good, also after that; None for what we did not sign."""
    return _signed_until(ticket, "upload", upload_id)


def _is_ours(host: str, port: int) -> bool:
    """Whether the host is the installation's or any tenant's; a neighbour of ours there is named in PRIVATE_HOSTS."""
    if (host, port) == http.target(settings.PUBLIC_URL):
        return True
    written = f"[{host}]" if ":" in host else host
    if f"{written}:{port}" in settings.PRIVATE_HOSTS:
        return False
    ours = [pattern for pattern in settings.MAIN_HOSTS if pattern != "*"]
    return validate_host(written, ours) or hosts.served(host) is not None


def _behind(actor: Actor, path: str) -> StoredFile | None:
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    link = read(*match.groups())
    files = StoredFile.objects.present().filter(tenant=actor.tenant, public_id=match[1])
    if link is None or link.left_s <= 0:
        files = files.visible_to(actor)
    return files.first()


def _ticket(expires: int, *parts: str) -> str:
    return f"{expires}.{_signature(str(expires), *parts)}"


def _signed_until(ticket: str, *parts: str) -> datetime | None:
    match = _TICKET.fullmatch(ticket)
    if match and constant_time_compare(match["signature"], _signature(match["expires"], *parts)):
        return _moment(int(match["expires"]))
    return None


def _signature(*parts: str) -> str:
    digest = salted_hmac(_SALT, "/".join(parts), algorithm="sha256").digest()[:_SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _moment(unix_s: int) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)
