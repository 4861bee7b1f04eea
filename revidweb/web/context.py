"""What every page knows."""

from typing import Any

from django.http import HttpRequest


def frame(request: HttpRequest) -> dict[str, Any]:
    """Theme, tenant, rail and balance for `base.html`."""
    return {}
