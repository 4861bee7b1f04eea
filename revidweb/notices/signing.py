"""Sign what is sent, so that a receiver knows who sent it: the Standard Webhooks scheme (standardwebhooks.com).

HMAC-SHA256 over "id.timestamp.body" with the key's signing secret, in base64. Libraries for many languages check it.
"""

import base64
import hashlib
import hmac

PREFIX = "whsec_"


def headers(secret: str, *, event_id: str, at: int, body: str) -> dict[str, str]:
    """What goes with the body. secret: "whsec_" and base64; at: seconds since 1970, of this try."""
    return {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": signature(secret, event_id=event_id, at=at, body=body),
    }


def signature(secret: str, *, event_id: str, at: int, body: str) -> str:
    """The signature with its version: "v1,…"."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.new(key, f"{event_id}.{at}.{body}".encode(), hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode()
