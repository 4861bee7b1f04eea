"""A real installation at work and in trouble: afterwards none of its secrets lies where it does not belong.

Where each belongs:
- keys of RevidAPI, an app's secret, recovery codes: sealed in the database, readable nowhere
- passwords: hashed in the database, readable nowhere; the demo's in `demo.json`, which `make run` prints from
- SECRET_KEY and the sealing key: in their two files
- a session's key: in its cookie and the two tables of sessions. Whoever reads these tables may as well write them
- a link that lets in: in the mail and in the address itself, its token in no table; what waits in a session is sealed
"""

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import psycopg
import pytest
import requests
from allauth.mfa.totp.internal import auth as totp

from tests.processes import NAMES, Processes, a_house, wait_for
from tests.upstreams.revidapi import StandIn
from tests.visitor import Visitor

QUICK = {
    "LOG_LEVEL": "DEBUG",  # whatever a library says must be fit to be read
    "ACCOUNT_RETRY_S": 1,
    "REVIDAPI_LOOK_S": 0.2,
    "WEB_PROCESSES": 1,
    "RENDER_PROCESSES": 1,
}
NEW_PASSWORD, WRONG_PASSWORD = "chosen-anew-0815", "guessed-wrongly-1234"
KEY, OTHER_KEY, WRONG_KEY = (f"sk_live_{word}{'x9Kd2q' * 4}" for word in ("first", "second", "wrong"))
DUMP = """
import base64, json, sys, zlib
from django.core import signing
from django.db import connections
tables = {}
for alias in connections:
    with connections[alias].cursor() as cursor:
        for table in connections[alias].introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            tables[table] = [[str(bytes(v) if isinstance(v, memoryview) else v) for v in row] for row in cursor]
for row in tables.get("cache", []):
    row.append(repr(base64.b64decode(row[1])))
for row in tables["django_session"]:
    packed = row[1].split(":")[0]
    data = signing.b64_decode(packed.lstrip(".").encode())
    row.append(repr(zlib.decompress(data) if packed.startswith(".") else data))
json.dump(tables, sys.stdout)
"""
SESSIONS = {"django_session", "usersessions_usersession"}


class Listening(Visitor):
    """A visitor who keeps everything that was ever asked and answered, but what is meant for their eyes once."""

    def __init__(self, url: str, tenant: str) -> None:
        super().__init__(url, tenant)
        self.pages: list[tuple[str, str]] = []
        self.addresses: list[str] = []
        self.keys: set[str] = set()  # of sessions
        self.is_shown_once = False
        self.session.hooks["response"].append(self._keep)

    def _keep(self, answer: requests.Response, **_options: Any) -> None:
        self.keys |= set(re.findall(r"sessionid=(\w{32})", answer.headers.get("Set-Cookie", "")))
        self.addresses += [answer.request.url or "", answer.headers.get("Location", "")]
        if not self.is_shown_once:
            heads = [f"{name}: {value}" for name, value in answer.headers.items() if name.lower() != "set-cookie"]
            self.pages.append((answer.request.url or "", "\n".join(heads) + answer.text))

    def once(self, path: str) -> str:
        """A page that shows a secret this one time."""
        self.is_shown_once = True
        text = self.get(path).text
        self.is_shown_once = False
        return text


class Run:
    """What happened, and the secrets that it happened with, each by name."""

    def __init__(self, house: Processes, upstream: StandIn) -> None:
        self.house, self.upstream = house, upstream
        self.owner = house.demo["owner"]
        self.tenant = f"/t/{house.demo['tenant']}"
        self.visitor, self.stranger = (Listening(house.url, house.demo["tenant"]) for _who in range(2))
        self.secrets: dict[str, str] = {
            "the key": KEY,
            "the key that replaced it": OTHER_KEY,
            "the wrong key": WRONG_KEY,
            "the password": self.owner["password"],
            "the new password": NEW_PASSWORD,
            "the wrong password": WRONG_PASSWORD,
            "SECRET_KEY": (house.folder / "secrets" / "secret_key").read_text().strip(),
            "the sealing key": (house.folder / "secrets" / "sealing_key").read_text().strip(),
        }
        self.links: dict[str, str] = {}

    def live(self) -> None:
        """All that a person may do with secrets, and all that may go wrong with them."""
        self.sign_in()
        self.connect()
        self.work()
        self.guard()
        self.invite()
        self.break_things()
        self.forget_the_password()
        self.look_around()
        self.operate()

    def sign_in(self) -> None:
        assert self.password(self.stranger, WRONG_PASSWORD).status_code == 200
        assert self.password(self.visitor, self.owner["password"]).status_code == 302

    def password(self, who: Listening, password: str) -> requests.Response:
        who.get("/accounts/login/")
        return who.post("/accounts/login/", login=self.owner["email"], password=password)

    def connect(self) -> None:
        for key in (KEY, OTHER_KEY):
            self.upstream.open_account(balance=5000, key=key)
        add = f"{self.tenant}/connections/add/"
        form = {"name": "Main", "base_url": self.upstream.url}
        assert self.visitor.post(add, **form, key=WRONG_KEY).status_code == 422
        assert self.visitor.post(add, **form | {"base_url": "https://10.0.0.1/v1"}, key=KEY).status_code == 422
        self.upstream.play("forbidden", on="models", detail=f"{KEY} may not do this")
        assert self.visitor.post(add, **form, key=KEY).status_code == 422
        answer = self.visitor.post(add, **form, key=KEY)
        assert answer.status_code == 302, answer.text
        self.connection = answer.headers["Location"]

    def work(self) -> None:
        """Jobs that go well, and whose upstream repeats the key in what it says."""
        self.upstream.play("detail_string", prompt="a refusal", detail=f"Bad request of {KEY}")
        self.upstream.play("unauthorized", prompt="a closed door", detail=f"Invalid API key: {KEY}")
        self.upstream.play("fails", prompt="a failure", reason=f"Worker lost Authorization: Bearer {KEY}")
        self.upstream.play("gateway_html", prompt="a page", after=True)
        for number, prompt in enumerate(("a boat", "a refusal", "a failure", "a page", "a closed door")):
            order = {"model": "seedream-4.5", "prompt": prompt, "token": f"secret-{number}"}
            assert self.visitor.create("image", **order).status_code == 302
        wait_for(lambda: not self.moving(), timeout_s=30, what="all verdicts")
        self.visitor.post(f"{self.connection}key/", base_url=self.upstream.url, key=OTHER_KEY)
        self.visitor.post(f"{self.connection}sync/")

    def moving(self) -> list[str]:
        return self.visitor.links(f"{self.tenant}/jobs/?state=moving", r"/jobs/job_\w+/")

    def guard(self) -> None:
        """An authenticator app, its recovery codes, and signing in with both."""
        self.visitor.post("/accounts/again/", password=WRONG_PASSWORD)
        self.visitor.post("/accounts/again/", password=self.owner["password"])
        secret = re.search(r'id="totp-secret">([A-Z2-7]{32})<', self.visitor.once("/accounts/two-factor/app/"))
        assert secret
        self.visitor.post("/accounts/two-factor/app/", code=self.code(secret[1]))
        codes = re.findall(r"\b\d{8}\b", self.visitor.once("/accounts/two-factor/codes/"))
        self.secrets |= {"the app's secret": secret[1]} | {f"recovery code {n}": code for n, code in enumerate(codes)}
        assert len(codes) == 10
        self.visitor.post("/accounts/logout/")
        self.password(self.visitor, self.owner["password"])
        assert self.visitor.post("/accounts/login/second-step/", code="000000").status_code == 200
        assert self.visitor.post("/accounts/login/second-step/", code=codes[0]).status_code == 302

    def code(self, secret: str) -> str:
        return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))

    def invite(self) -> None:
        form = {"by": "mail", "email": "bob@example.test", "role": "user", "days": "7", "most_uses": "1"}
        assert self.visitor.post(f"{self.tenant}/members/invitations/new/", **form).status_code == 302
        link = self.link_in_mail(r"/join/([\w-]{43})/")
        self.links["the invitation"] = link
        self.stranger.get(f"{self.tenant}/join/{link}/")
        self.stranger.get(f"{self.tenant}/join/{link}x/")

    def link_in_mail(self, where: str) -> str:
        found = [re.search(where, path.read_text()) for path in sorted((self.house.folder / "mail").iterdir())]
        return next(match[1] for match in reversed(found) if match)

    def break_things(self) -> None:
        """Our own fault, in the middle of what is most secret."""
        with self.away("mfa_authenticator"):
            assert self.password(self.stranger, self.owner["password"]).status_code == 500
        with self.away("connections_credential"):
            answer = self.visitor.post(f"{self.connection}key/", base_url=self.upstream.url, key=KEY)
            assert answer.status_code == 500

    def away(self, table: str) -> "Away":
        return Away(self.house, table)

    def forget_the_password(self) -> None:
        self.stranger.post("/accounts/password/reset/", email=self.owner["email"])
        key = self.link_in_mail(r"/password/reset/key/(\S+)/")
        self.links["the new password's link"] = key.partition("-")[2]
        here = f"/accounts/password/reset/key/{key}/"
        opened = self.stranger.get(here)
        path = opened.url.removeprefix(self.house.url)
        self.stranger.post(path, password1=NEW_PASSWORD, password2=WRONG_PASSWORD)
        answer = self.stranger.post(path, password1=NEW_PASSWORD, password2=NEW_PASSWORD)
        assert answer.status_code == 302
        self.stranger.get(here)
        self.password(self.visitor, NEW_PASSWORD)
        self.visitor.post("/accounts/login/second-step/", code=self.secrets["recovery code 1"])

    def look_around(self) -> None:
        """Every page that may tell of it, and some that are not there."""
        pages = ["", "jobs/", "connections/", "members/", "members/invitations/", "settings/", "credits/", "gallery/"]
        for page in [f"{self.tenant}/{page}" for page in pages] + [self.connection]:
            assert self.visitor.get(page).status_code == 200, page
        for job in self.visitor.links(f"{self.tenant}/jobs/", r"/jobs/job_\w+/"):
            assert self.visitor.get(job).status_code == 200
        for page in ("", "email/", "password/change/", "two-factor/", "two-factor/codes/", "passkeys/", "sessions/"):
            self.visitor.get(f"/accounts/{page}")
        for nothing in ("/nothing/", f"{self.tenant}/nothing/", "/accounts/nothing/", "/t/nobody/"):
            assert self.visitor.get(nothing).status_code == 404
        assert self.visitor.session.post(f"{self.house.url}/theme/").status_code == 403

    def operate(self) -> None:
        """What the operator sees of it."""
        execute(self.house, "UPDATE accounts_person SET is_staff = true, is_superuser = true")
        tables = self.visitor.links("/operator/", r"/operator/\w+/\w+/")
        assert len(tables) > 5
        for table in tables:
            for row in [table, *self.visitor.links(table, rf"{table}[^/\"]+/change/")]:
                assert self.visitor.get(row).status_code == 200, row

    def places(self) -> Iterator[tuple[str, str, set[str]]]:
        """Everything that is left behind: where, what, and whose secrets belong there."""
        for who in (self.visitor, self.stranger):
            for address, text in who.pages:
                yield f"the page {address}", text, {"links"}
            for address in who.addresses:
                yield f"the address {address}", address, {"links"}
        for name in NAMES:
            yield f"the log of {name}", self.house.words_of(name), set()
        for table, rows in json.loads(self.house.python("manage.py", "shell", "-v", "0", "-c", DUMP)).items():
            yield f"the table {table}", "\n".join(" ".join(row) for row in rows), {"sessions"} & belongs(table)
        yield from self.files()

    def files(self) -> Iterator[tuple[str, str, set[str]]]:
        """The data folder, byte by byte: also what a database has thrown away and not yet written over."""
        for path in sorted(self.house.folder.rglob("*")):
            place = path.relative_to(self.house.folder)
            if path.is_file() and place.parts[0] not in ("secrets", "demo.json"):
                yield f"the file {place}", path.read_bytes().decode("latin-1"), about(place)

    def leaks(self) -> list[str]:
        """Each secret with each place where it was found and does not belong."""
        keys = sorted(self.visitor.keys | self.stranger.keys)
        groups = {"links": self.links, "sessions": {f"session {n}": key for n, key in enumerate(keys)}}
        found = []
        for where, text, belonging in self.places():
            sought = self.secrets | {
                n: s for g, known in groups.items() if g not in belonging for n, s in known.items()
            }
            plain = unquote(text)
            found += [f"{n} in {where}" for n, s in sought.items() if s in text or s in plain or quote(s, "") in text]
        return found


def belongs(table: str) -> set[str]:
    return {"sessions"} if table in SESSIONS else set()


def about(place: Path) -> set[str]:
    if place.parts[0] == "mail":
        return {"links"}
    return {"sessions"} if ".sqlite3" in place.name else set()


class Away:
    """A table that is not there for a while."""

    def __init__(self, house: Processes, table: str) -> None:
        self.house, self.table = house, table

    def __enter__(self) -> None:
        self._rename(self.table, f"{self.table}_away")

    def __exit__(self, *_error: object) -> None:
        self._rename(f"{self.table}_away", self.table)

    def _rename(self, before: str, after: str) -> None:
        execute(self.house, f'ALTER TABLE "{before}" RENAME TO "{after}"')


def execute(house: Processes, statement: str) -> None:
    """Say it to the database itself."""
    if url := house.env.get("DATABASE_URL"):
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(statement)  # type: ignore[call-overload]
    else:
        with contextlib.closing(sqlite3.connect(house.folder / "revidweb.sqlite3", isolation_level=None)) as file:
            file.execute(statement)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with StandIn(image_s=0.1) as upstream, a_house(tmp_path, PRIVATE_HOSTS=upstream.host, **QUICK) as house:
        yield Run(house, upstream)


def test_no_secret_of_a_run_lies_where_it_does_not_belong(run):
    run.live()
    run.house.stop()  # what they still had to write is written
    assert len(run.visitor.keys) > 1
    assert run.leaks() == []
    assert run.upstream.leaks == []
    prove_that_it_would_be_found(run)


def prove_that_it_would_be_found(run: Run) -> None:
    """Else the silence would prove nothing: what is no secret is found in each kind of place."""
    run.secrets = {"an address": run.owner["email"], "a request": "req_", "a hash": "pbkdf2_sha256"}
    found = " ".join(run.leaks())
    for known in ("an address in the page", "an address in the table accounts_person", "an address in the file mail"):
        assert known in found
    for known in ("a request in the log of web", "a hash in the table accounts_person"):
        assert known in found
