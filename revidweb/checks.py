"""System checks: what is wrong with this installation, with an id and a hint each."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004

SQLITE = Error("Production runs on SQLite.", hint="Set DATABASE_URL to a PostgreSQL database.", id="revidweb.E001")
DEBUG = Error("Production runs with DEBUG.", hint="Set DEBUG=no.", id="revidweb.E002")
SHORT_KEY = Error(
    "SECRET_KEY is shorter than 32 characters.",
    hint='Make one: python -c "import secrets; print(secrets.token_urlsafe(48))"',
    id="revidweb.E005",
)
ANY_HOST = Error(
    "ALLOWED_HOSTS lets every host in.",
    hint="Name yours: links in mails, also those that reset a password, lead to the host that was asked.",
    id="revidweb.E006",
)
NOT_HTTPS = Warning(
    "PUBLIC_URL is not https.",
    hint="Cookies and passwords travel in the clear; put a TLS proxy in front and set PUBLIC_URL.",
    id="revidweb.W001",
)
NO_PROXY = Warning(
    "PUBLIC_URL is https, but BEHIND_PROXY is not set.",
    hint="Every page would redirect to itself. Set BEHIND_PROXY=yes where the TLS proxy sets X-Forwarded-Proto.",
    id="revidweb.W002",
)
NO_MAIL = Warning(
    "Mail is written to files.", hint="Set EMAIL_URL, or nobody can reset a password.", id="revidweb.W003"
)
EMBEDDED_OPEN = Warning(
    "The embedded mode listens beyond this machine.",
    hint="Set HOST=127.0.0.1, or REVIDWEB_MODE=production and what it asks for.",
    id="revidweb.W004",
)
SHORT_LEASE = Warning(
    "SEND_LEASE_S is less than twice REVIDAPI_CREATE_TIMEOUT_S.",
    hint="Raise SEND_LEASE_S: an order whose answer comes after its lease is held for lost, and fails if it was busy.",
    id="revidweb.W005",
)


@register(Tags.security)
def production_is_safe(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What production must not be without."""
    if settings.IS_EMBEDDED:
        return []
    database = settings.DATABASES["default"]["ENGINE"]
    is_https = settings.PUBLIC_URL.startswith("https://")
    rules = [
        (not database.endswith("sqlite3"), SQLITE),
        (not settings.DEBUG, DEBUG),
        ("*" not in settings.MAIN_HOSTS, ANY_HOST),
        (len(settings.SECRET_KEY) >= 32, SHORT_KEY),
        (is_https, NOT_HTTPS),
        (settings.BEHIND_PROXY or not is_https, NO_PROXY),
        (not settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"), NO_MAIL),
    ]
    return [message for holds, message in rules if not holds]


@register(Tags.security)
def embedded_stays_at_home(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The embedded mode has a demo owner and no TLS: it is for this machine alone."""
    is_open = settings.IS_EMBEDDED and settings.HOST not in {"127.0.0.1", "localhost", "::1"}
    return [EMBEDDED_OPEN] if is_open else []


@register()
def a_lease_outlasts_its_call(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The call is bounded; around it the answer is awaited and written."""
    is_long = settings.SEND_LEASE_S >= 2 * settings.REVIDAPI_CREATE_TIMEOUT_S
    return [] if is_long else [SHORT_LEASE]


@register(Tags.files)
def data_folder_is_writable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Results, mail and the embedded database live in the data folder."""
    try:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        probe = settings.VAR_DIR / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        hint = "Set REVIDWEB_VAR to a folder that this user may write."
        return [Error(f"The data folder cannot be written: {error}.", hint=hint, id="revidweb.E003")]
    return []
