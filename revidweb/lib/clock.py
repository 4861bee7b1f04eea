"""What time it is, in one place, so that tests can turn it."""

from datetime import datetime, timedelta

from django.utils import timezone


def now() -> datetime:
    """The present as an aware UTC datetime."""
    return timezone.now()


def after(seconds: float) -> datetime:
    """So many seconds from now, aware UTC."""
    return now() + timedelta(seconds=seconds)


def ago(seconds: float) -> datetime:
    """So many seconds before now, aware UTC."""
    return now() - timedelta(seconds=seconds)
