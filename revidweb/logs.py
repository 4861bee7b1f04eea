"""Structured logs: one event a line, with the ids of the request or job that it belongs to."""

import logging.config
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET = re.compile(r"password|passwd|secret|token|credential|authorization|cookie|api_?key", re.IGNORECASE)
# Links that let in whoever has them: an invitation, a new password, an address's confirmation.
_LINK = re.compile(r"(/(?:join|signup|reset/key|confirm-email)/)[\w:-]{12,}")
_HIDDEN = "***"


def without_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank every value whose name says that it is a secret."""
    for name in event:
        if _SECRET.search(name):
            event[name] = _HIDDEN
    return event


def without_links(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank the token in every path that lets in whoever has it: Django writes the paths that it refuses."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _LINK.sub(rf"\1{_HIDDEN}", value)
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    without_secrets,
    without_links,
]


def configure(*, level: str, as_json: bool) -> None:
    """Send all loggers, ours and the libraries', through one renderer to standard error."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        # the plain traceback: the others print local variables, and with them secrets
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "house": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
                    "foreign_pre_chain": _SHARED,
                }
            },
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "house"}},
            "root": {"handlers": ["console"], "level": level},
            "loggers": {
                "celery.app.trace": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
                "celery.worker.consumer.connection": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                # Their DEBUG lines print what must not be read: whole pages' values, and addresses that others signed.
                "django.template": {"level": "INFO"},
                "urllib3": {"level": "INFO"},
            },
        }
    )
