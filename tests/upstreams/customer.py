"""Someone who speaks to the stand-in over a plain HTTP client, as the vendor's documents tell them to."""

import io
from typing import Any, Self

import requests
from PIL import Image

from .revidapi import StandIn, UpstreamAccount

USUAL = {"image": "nano-banana", "video": "kling-2.6"}


def a_picture() -> bytes:
    """A small PNG."""
    target = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(target, "PNG")
    return target.getvalue()


class Customer:
    """One account's requests, over one connection that is kept."""

    def __init__(self, upstream: StandIn, account: UpstreamAccount) -> None:
        self.upstream = upstream
        self.account = account
        self.session = requests.Session()
        self.use(account.key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.session.close()

    def use(self, key: str) -> None:
        """Go on with this key."""
        self.session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str) -> requests.Response:
        """GET a path under the base URL."""
        return self.session.get(f"{self.upstream.url}/{path}", timeout=10, allow_redirects=False)

    def post(self, path: str, **body: Any) -> requests.Response:
        """POST to a path under the base URL."""
        return self.session.post(f"{self.upstream.url}/{path}", timeout=10, allow_redirects=False, **body)

    def order(self, kind: str, **fields: object) -> requests.Response:
        """Order something in JSON, whatever comes of it."""
        return self.post(f"{kind}/generate", json={"model": USUAL[kind], "prompt": "a fox"} | fields)

    def image(self, **fields: object) -> dict[str, Any]:
        """Order a picture that is accepted."""
        return self._accepted(self.order("image", **fields))

    def video(self, **fields: object) -> dict[str, Any]:
        """Order a clip that is accepted."""
        return self._accepted(self.order("video", **fields))

    def look(self, job_id: str) -> dict[str, Any]:
        """What a poll answers."""
        return self._accepted(self.get(f"jobs/{job_id}"))

    def status(self, job_id: str) -> str:
        """The status that a poll answers."""
        return str(self.look(job_id)["status"])

    def finished_image(self, **fields: object) -> str:
        """Order a picture and let the time pass that it takes; gives its address."""
        return self._finished(self.image(**fields))

    def finished_video(self, **fields: object) -> str:
        """Order a clip and let the time pass that it takes; gives its address."""
        return self._finished(self.video(**fields))

    def upload(self, picture: bytes) -> dict[str, Any]:
        """Upload a picture that is taken."""
        return self._accepted(self.post("files/upload/image", files={"file": ("a.png", picture, "image/png")}))

    def _finished(self, made: dict[str, Any]) -> str:
        self.upstream.skip(1)
        return str(self.look(made["job_id"])["result"])

    def _accepted(self, answer: requests.Response) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said
