"""Every address under `/key/`, asked by everybody, with ids of somebody else's: a key opens its own and no more."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import NoReverseMatch, reverse

from revidweb.accounts import actors, members
from revidweb.accounts.models import Member, Role
from revidweb.catalog import founding
from revidweb.credits import ledger
from revidweb.files import uploading
from revidweb.files.models import StoredFile
from revidweb.keys import budgets, checking, issuing, leaving
from revidweb.keys.issuing import Issued
from revidweb.keys.models import ApiKey, KeyKind
from revidweb.lib import clock
from tests import makers
from tests.files.makers import an_upload, encoded
from tests.keys.makers import a_key
from tests.library.makers import CREDITS, a_job, an_output

from . import test_isolation as tenants
from .key_sessions import a_key_client
from .world import changed, everything

pytestmark = pytest.mark.django_db

WORDS = {"kind": "image", "variant": "original"}
DOOR = "/key/"
HERE, ELSEWHERE = "203.0.113.7", "198.51.100.1"


@dataclass(frozen=True)
class Made:
    """A key, its secret, and rows that came by it. ids: by the words of paths."""

    secret: str
    key: ApiKey
    ids: dict[str, str]


def made_by(issued: Issued, name: str) -> Made:
    key, member = issued.key, issued.key.member
    its = {"key": key, "held_on": budgets.hold(key, credits=CREDITS, jobs=1)}
    output = an_output(member, public_id=f"job_out_{name}", **its)
    StoredFile.objects.filter(pk=output.file_id).update(key=key.public_id)
    its["held_on"] = budgets.hold(key, credits=CREDITS, jobs=1)
    job = a_job(member, public_id=f"job_of_{name}", state="queued", **its)
    picture = uploading.keep(checking.actor_of(key), an_upload(encoded()))
    ids = {"job_id": job.public_id, "output_id": output.public_id, "file_id": picture.public_id}
    return Made(issued.secret, key, ids | WORDS)


@dataclass(frozen=True)
class House:
    """A tenant at work: its owner, its member Ann, and what came by a key of hers."""

    owner: Member
    ann: Member
    made: Made


def a_house(name: str, **limits: object) -> House:
    owner = founding.found(makers.a_person(), name=name)
    ann = members.add(owner.tenant, makers.a_person(name="Ann Onymous"), role=Role.USER)
    ledger.grant(ann, credits=500, reference=f"grant:{name}", actor="system")
    return House(owner, ann, made_by(a_key(ann, name=f"Key of {name}", **limits), name))


@pytest.fixture
def ours() -> House:
    return a_house("ours", addresses=("127.0.0.0/8", f"{HERE}/32"))


@dataclass(frozen=True)
class Ask:
    """One address under `/key/`, with ids. methods: where the query names the row, only GET reads it."""

    name: str
    path: str
    methods: str
    names_rows: bool


def asks(ids: dict[str, str]) -> Iterator[Ask]:
    """Every address that keys have, from the URLconf: once in its path, and once with each of its rows in its query."""
    for name, address in tenants.TENANT.items():
        words = tenants.URLS[name] - {"tenant_slug"}
        try:
            path = reverse(name, kwargs={"tenant_slug": "", **{word: ids.get(word, "1") for word in words}})
        except NoReverseMatch:
            continue
        yield Ask(name, path, address.methods, names_rows=bool(words - tenants.NO_ROWS))
        for word, row in address.query.items():
            if row in ids:
                yield Ask(name, f"{path}?{urlencode({word: ids[row]})}", "GET", names_rows=True)


def wrong(client: Client, found: list[Ask], expected: Callable[[HttpResponse], bool]) -> list[str]:
    """Every answer that is not the expected one, and every table that was written to meanwhile."""
    assert len(found) > 5
    before = everything()
    answers = [
        f"{method} {ask.path}: {answer.status_code}"
        for ask in found
        for method, answer in tenants.statuses(client, ask)
        if not expected(answer)
    ]
    return answers + [f"{name} was changed" for name in changed(before)]


def rows(ids: dict[str, str]) -> list[Ask]:
    return [ask for ask in asks(ids) if ask.names_rows]


def is_hidden(answer: HttpResponse) -> bool:
    return answer.status_code == 404


def leads_to_the_door(answer: HttpResponse) -> bool:
    target = answer.headers.get("HX-Redirect") or answer.headers.get("Location", "")
    return target.partition("?")[0] == DOOR


def test_keys_have_these_addresses_and_no_more(ours):
    assert {ask.name for ask in asks(ours.made.ids)} == {
        *("accent", "create", "create_options", "credits", "credits_export", "gallery", "job", "job_cancel"),
        *("job_retry", "jobs", "jobs_export", "live", "logo", "media", "output", "uploads", "usage", "usage_export"),
    }


def test_every_other_page_is_not_there(ours):
    client = a_key_client(ours.made.secret)
    shared = {ask.name for ask in asks(ours.made.ids)}
    ids = {word: "1" for name in tenants.TENANT for word in tenants.URLS[name]} | {"tenant_slug": "x"}
    others = [reverse(name, kwargs={word: ids[word] for word in tenants.URLS[name]}) for name in tenants.TENANT]
    paths = [
        path.replace("/t/x/", DOOR) for name, path in zip(tenants.TENANT, others, strict=True) if name not in shared
    ]
    assert len(paths) > 20
    found = {path: client.get(path).status_code for path in paths if path not in (DOOR, "/key/leave/")}
    assert {path: status for path, status in found.items() if status != 404} == {}


def test_what_came_by_the_key_is_there(ours):
    """Else a wrong id would prove nothing."""
    client = a_key_client(ours.made.secret)
    found = [
        (ask.path, answer.status_code)
        for ask in rows(ours.made.ids)
        for method, answer in tenants.statuses(client, ask)
        if method == "GET"
    ]
    assert [one for one in found if one[1] != 200] == []
    assert len(found) > 6


def test_without_a_session_everything_leads_to_the_door(ours):
    assert wrong(Client(), list(asks(ours.made.ids)), leads_to_the_door) == []


@pytest.mark.parametrize("who", ["owner", "ann"])
def test_a_person_is_nobody_here(ours, who):
    assert wrong(makers.a_client(getattr(ours, who)), list(asks(ours.made.ids)), leads_to_the_door) == []


def test_a_key_is_nobody_in_a_tenant(ours):
    ids = tenants.a_house("more").ids | ours.made.ids | {"tenant_slug": ours.owner.tenant.slug}
    client = a_key_client(ours.made.secret)
    assert tenants.wrong(client, ids, tenants.leads_to_sign_in) == []


def test_another_key_of_the_same_member_finds_nothing(ours):
    other = a_key_client(a_key(ours.ann).secret)
    assert wrong(other, rows(ours.made.ids), is_hidden) == []


def test_another_key_of_the_same_tenant_finds_nothing(ours):
    standalone = a_key(ours.owner, kind=KeyKind.STANDALONE, credits=100)
    assert wrong(a_key_client(standalone.secret), rows(ours.made.ids), is_hidden) == []


def test_the_key_of_an_owner_finds_nothing_of_others(ours):
    assert wrong(a_key_client(a_key(ours.owner).secret), rows(ours.made.ids), is_hidden) == []


def test_a_key_of_another_tenant_finds_nothing(ours):
    theirs = a_house("theirs")
    assert wrong(a_key_client(theirs.made.secret), rows(ours.made.ids), is_hidden) == []


def test_what_its_member_made_in_person_is_not_the_keys(ours):
    output, job = an_output(ours.ann), a_job(ours.ann, state="queued")
    picture = uploading.keep(actors.of(ours.ann), an_upload(encoded()))
    ids = {"job_id": job.public_id, "output_id": output.public_id, "file_id": picture.public_id} | WORDS
    assert wrong(a_key_client(ours.made.secret), rows(ids), is_hidden) == []


def revoked(house: House) -> None:
    issuing.revoke(actors.of(house.owner), house.made.key)


def paused(house: House) -> None:
    issuing.pause(actors.of(house.owner), house.made.key)


def expired(house: House) -> None:
    ApiKey.objects.filter(pk=house.made.key.pk).update(expires_at=clock.ago(1))


def suspended(house: House) -> None:
    members.suspend(actors.of(house.owner), house.ann)


def removed(house: House) -> None:
    leaving.remove(actors.of(house.owner), house.ann)


def rotated(house: House) -> None:
    issuing.rotate(actors.of(house.ann), house.made.key, grace_s=0)


@pytest.mark.parametrize("ended", [revoked, paused, expired, suspended, removed, rotated])
def test_a_key_that_ended_meanwhile_leads_to_the_door(ours, ended):
    client = a_key_client(ours.made.secret)
    ended(ours)
    assert wrong(client, list(asks(ours.made.ids)), leads_to_the_door) == []


def test_from_another_address_everything_leads_to_the_door(ours):
    client = a_key_client(ours.made.secret, REMOTE_ADDR=HERE)
    assert client.get("/key/jobs/").status_code == 200
    client.defaults["REMOTE_ADDR"] = ELSEWHERE
    assert wrong(client, list(asks(ours.made.ids)), leads_to_the_door) == []


def test_a_forged_address_is_not_believed(ours):
    client = a_key_client(ours.made.secret, REMOTE_ADDR=HERE)
    client.defaults |= {"REMOTE_ADDR": ELSEWHERE, "HTTP_X_FORWARDED_FOR": HERE}
    assert wrong(client, list(asks(ours.made.ids)), leads_to_the_door) == []


def test_pages_name_nobody_and_no_other_key(ours):
    other = made_by(a_key(ours.ann, name="Another one"), "other")
    an_output(ours.ann, prompt="Made in person")
    client = a_key_client(ours.made.secret)
    for ask in [*asks(ours.made.ids), Ask("door", DOOR, "GET", names_rows=False)]:
        if "GET" not in ask.methods or ask.name in ("media", "logo"):
            continue
        said = b"".join(client.get(ask.path)).decode()
        unsaid = ["Ann Onymous", ours.ann.person.email, ours.ann.public_id, "Another one", "Made in person"]
        unsaid += [one for one in other.ids.values() if "_" in one] + [ours.made.secret]
        assert [words for words in unsaid if words in said] == [], ask.path


def test_a_picture_of_the_member_is_no_input(ours):
    picture = uploading.keep(actors.of(ours.ann), an_upload(encoded()))
    client = a_key_client(ours.made.secret)
    before = everything()
    order = {"prompt": "A boat", "model": "nano-banana", "count": "1", "token": "t1", "input_file": picture.public_id}
    assert client.post("/key/create/image/", order).status_code == 422
    assert changed(before) == []
