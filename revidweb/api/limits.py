"""How many jobs a key may have at once: its own limits within the tenant's slots."""

from typing import Any

from revidweb.connections import slots
from revidweb.jobs import programs
from revidweb.keys.models import ApiKey

from .auth import KeyRequest

NO_QUEUE_LIMIT = 1_000_000  # programs read a number


def of(request: KeyRequest) -> dict[str, dict[str, int]]:
    """What the key may have, what there is, and what is left of it. At most three queries.

    A key without a running limit shares the tenant's slots, so what is at work there counts, whoever's it is.
    """
    key = request.key
    total, image, video = _slots(key)
    shares = key.running_limit is None
    active = programs.active_of_tenant(request.actor) if shares else programs.active(request.actor)
    queue, more = _queue(key, active.queued)
    free = min(more, max(0, total - active.total))
    return {
        "limits": {"total_concurrent": total, "image_concurrent": image, "video_concurrent": video, "queue": queue},
        "active": {
            "total": active.total,
            "image": active.images,
            "video": active.others,
            "queued": active.queued,
        },
        "available": {
            "image_slots": min(free, max(0, image - active.images)),
            "video_slots": min(free, max(0, video - active.others)),
            "queue_slots": min(queue, more),
        },
    }


def set_on(key: ApiKey) -> dict[str, Any]:
    """The limits that the key carries, for who asks about it."""
    return {
        "requests_per_minute": key.per_minute,
        "running_limit": key.running_limit,
        "queue_limit": key.queue_limit,
        "allowed_models": key.allowed_models,
        "allowed_types": key.allowed_kinds,
    }


def _queue(key: ApiKey, queued: int) -> tuple[int, int]:
    """How many may wait, and how many more jobs are accepted at all."""
    if key.running_limit is None or key.queue_limit is None:
        return NO_QUEUE_LIMIT, NO_QUEUE_LIMIT - queued
    return key.queue_limit, max(0, key.running_limit + key.queue_limit - key.moving)


def _slots(key: ApiKey) -> tuple[int, int, int]:
    """In total, for images and for video: the tenant's, or fewer where the key may have fewer."""
    most = slots.of_tenant(key.tenant)
    limit = most.total if key.running_limit is None else key.running_limit
    return min(most.total, limit), min(most.image, limit), min(most.video, limit)
