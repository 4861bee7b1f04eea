"""How the stand-in says no, in the vendor's words."""

from collections.abc import Mapping

from .http import Answer

GATEWAY_PAGE = """<!DOCTYPE html>
<html lang="en-US"><head><title>ai.example | {status}: A timeout occurred</title></head>
<body><div id="cf-wrapper"><h1>A timeout occurred <span>Error code {status}</span></h1></div></body></html>
"""


def no(status: int, detail: object) -> Answer:
    """A refusal as its framework writes them."""
    return Answer(status, {"detail": detail})


def gateway(status: int) -> Answer:
    """A page of the gateway in front of it."""
    return Answer(status, GATEWAY_PAGE.format(status=status))


def missing(place: str, name: str) -> Answer:
    """422 for a field that is not there. place: "body" or "query"."""
    return no(422, [{"loc": [place, name], "msg": "Field required", "type": "missing"}])


def short(required: int, available: int) -> Answer:
    """402: the balance does not pay for it."""
    return no(402, f"Insufficient user balance. Required: {required}, Available: {available}")


def too_many(limit: int, retry_after_s: int) -> Answer:
    """429 for too many requests."""
    detail = {"detail": f"Rate limit exceeded. Limit: {limit} requests per minute."}
    return Answer(429, detail, {"Retry-After": str(retry_after_s)})


def full(usage: Mapping[str, int], limits: Mapping[str, int]) -> Answer:
    """429 for a full queue."""
    message = f"Queue full ({usage['queued']}/{limits['queue']})"
    return no(429, {"error": "Queue full", "message": message, "current_usage": usage, "limits": limits})


def storage(status: int, code: str) -> Answer:
    """A refusal of the storage, which speaks XML."""
    return Answer(status, f"<Error><Code>{code}</Code></Error>", content_type="application/xml")
