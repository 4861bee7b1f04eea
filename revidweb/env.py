"""Settings readers that refuse nonsense with the setting's name, and remember what was read.

`READ` is what `.env.example` is held against, so no setting can be undocumented.
"""

import contextlib
import os
import secrets
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

if os.environ.get("REVIDWEB_READ_DOTENV", "yes") != "no":
    environ.Env.read_env(BASE_DIR / ".env")


@dataclass(frozen=True)
class Read:
    """One setting that the program asked for: its name and its default as text."""

    name: str
    default: str


READ: dict[str, Read] = {}


def text(name: str, default: str = "") -> str:
    """The setting as it stands, without surrounding blanks."""
    READ[name] = Read(name, default)
    return os.environ.get(name, default).strip() or default


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of a few words."""
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def flag(name: str, *, default: bool) -> bool:
    """Yes or no (also true/false, on/off, 1/0)."""
    value = text(name, "yes" if default else "no").lower()
    if value in {"yes", "true", "on", "1"}:
        return True
    if value in {"no", "false", "off", "0"}:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}.")


def whole(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number inside its bounds (both included)."""
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if not least <= number <= most:
        raise ImproperlyConfigured(f"{name} must be between {least} and {most}, not {number}.")
    return number


def seconds(name: str, default: float, *, least: float, most: float) -> float:
    """A time span in seconds inside its bounds; fractions are welcome."""
    value = text(name, f"{default:g}")
    try:
        number = float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number of seconds, not {value!r}.") from None
    if not least <= number <= most:
        raise ImproperlyConfigured(f"{name} must be between {least:g} and {most:g} seconds, not {value}.")
    return number


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def networks(name: str) -> list[str]:
    """A comma-separated list of IP addresses and networks."""
    listed = words(name)
    for word in listed:
        try:
            ip_network(word, strict=False)
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be networks such as 10.0.0.0/8, not {word!r}.") from None
    return listed


def host_of(name: str, url: str) -> str:
    """The host in the URL that this setting gave, as the Host header writes it: an IPv6 address in brackets."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise ImproperlyConfigured(f"{name} must be a URL such as https://studio.example.com, not {url!r}.")
    return f"[{host}]" if ":" in host else host


def folder(name: str, default: str) -> Path:
    """A folder, relative to the project unless absolute."""
    return (BASE_DIR / text(name, default)).resolve()


def make_folders(root: Path, *parts: str) -> None:
    """Make the data folder, for its owner's eyes only, and what it holds. A check says where that is not possible."""
    with contextlib.suppress(OSError):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in parts:
            (root / part).mkdir(exist_ok=True)


def secret(name: str, *, kept_in: Path) -> str:
    """The secret from the environment, or one made at first run and kept in a file that only its owner reads.

    name: "" asks the file alone.
    """
    if name and (value := text(name)):
        return value
    kept_in.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not kept_in.exists():
        fresh = kept_in.with_name(f"{kept_in.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):  # another process was first: its secret stands
            os.link(fresh, kept_in)
        fresh.unlink()
    return kept_in.read_text()
