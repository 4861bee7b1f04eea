"""A person at the front door with nothing but HTTP."""

import re
from typing import Any

import requests

TIMEOUT_S = 20


class Visitor:
    """One session. Every deed raises requests.RequestException when the front is not there."""

    def __init__(self, url: str, tenant: str) -> None:
        self.url = url
        self.tenant = tenant
        self.session = requests.Session()
        self.session.trust_env = False

    def sign_in(self, who: dict[str, str]) -> None:
        """Through the sign-in form."""
        self.get("/accounts/login/")
        answer = self.post("/accounts/login/", login=who["email"], password=who["password"])
        assert answer.status_code == 302, f"sign-in was refused: {answer.status_code}"

    def sign_in_with_key(self, secret: str) -> None:
        """Through the door of keys."""
        self.get("/key/")
        answer = self.post("/key/", key=secret)
        assert answer.status_code == 302, f"the key was refused: {answer.status_code}"

    def create(self, kind: str, *, token: str, picture: bytes = b"", **order: Any) -> requests.Response:
        """Send the Create form, with a picture to start from or without; one token again is the same submission."""
        files = {"input_image": ("boat.png", picture, "image/png")} if picture else None
        return self.post(f"/t/{self.tenant}/create/{kind}/", files, token=token, count="1", **order)

    def post(self, path: str, files: dict[str, Any] | None = None, **form: Any) -> requests.Response:
        """Send a form, and do not follow where it leads."""
        form |= {"csrfmiddlewaretoken": self.session.cookies["csrftoken"]}
        headers = {"Referer": self.url + path}
        return self.session.post(
            self.url + path, form, files=files, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
        )

    def get(self, path: str) -> requests.Response:
        """A page."""
        return self.session.get(self.url + path, timeout=TIMEOUT_S)

    def links(self, path: str, where: str) -> list[str]:
        """The addresses on a page that end in this pattern, each once, in their order, without their queries."""
        found = re.findall(rf'href="([^"?]*{where})["?]', self.get(path).text)
        return list(dict.fromkeys(found))
