"""System checks: what is wrong with this installation, with an id and a hint each."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security)
def production_is_safe(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What production must not be without."""
    if settings.IS_EMBEDDED:
        return []
    found: list[CheckMessage] = []
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        found.append(
            Error("Production runs on SQLite.", hint="Set DATABASE_URL to a PostgreSQL database.", id="revidweb.E001")
        )
    if settings.DEBUG:
        found.append(Error("Production runs with DEBUG.", hint="Set DEBUG=no.", id="revidweb.E002"))
    if not settings.PUBLIC_URL.startswith("https://"):
        found.append(
            checks.Warning(
                "PUBLIC_URL is not https.",
                hint="Cookies and passwords travel in the clear; put a TLS proxy in front and set PUBLIC_URL.",
                id="revidweb.W001",
            )
        )
    return found


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
