"""Every endpoint of `/v1`, asked by everybody, with ids that are somebody else's: nothing is shown or changed.

The endpoints come from the router itself; one that is not declared below fails the test.
"""

from collections.abc import Iterator

import pytest
from django.http import HttpResponse

from revidweb.accounts import actors
from revidweb.accounts.models import Host, HostPurpose, HostState, MemberState
from revidweb.api.v1 import api
from revidweb.catalog import founding
from revidweb.files import links, uploading
from revidweb.keys import issuing
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from tests import makers
from tests.files.makers import an_upload, encoded
from tests.web.world import changed, everything

from .makers import PICTURE, Program, a_program, a_user

pytestmark = pytest.mark.django_db

WITHOUT_KEY = {"/media/{file_id}/{ticket}/{name}", "/files/upload/{upload_id}/{ticket}"}  # signed instead
ENDPOINTS = {  # what is sent where something is
    "POST /image/generate": PICTURE,
    "POST /video/generate": PICTURE | {"model": "veo-3.1"},
    "GET /jobs/{job_id}": None,
    "POST /jobs/{job_id}/cancel": {},
    "GET /models": None,
    "GET /models/pricing": None,
    "GET /limits": None,
    "GET /balance": None,
    "GET /dashboard/me": None,
    "GET /dashboard/jobs": None,
    "GET /dashboard/credits": None,
    "GET /dashboard/stats": None,
    "GET /dashboard/stats/export": None,
    "POST /files/upload/image": {},
    "POST /files/upload/presign": {"filename": "fox.png"},
    "POST /files/upload/confirm": {"upload_id": "{upload_id}"},
    "POST /files/upload-url": {"url": "https://example.com/fox.png"},
    "GET /files/upload/{upload_id}/status": None,
}


def routed() -> Iterator[str]:
    for router in api._get_bound_routers():
        for path, view in router.path_operations.items():
            if path not in WITHOUT_KEY:
                yield from (f"{method} {path}" for operation in view.operations for method in operation.methods)


def answers(program: Program, ids: dict[str, str], *, naming: bool = False) -> Iterator[tuple[str, HttpResponse]]:
    """What each endpoint answers. naming: of those alone that name a row."""
    for endpoint, body in ENDPOINTS.items():
        if naming and "_id}" not in f"{endpoint}{body}":
            continue
        method, path = endpoint.split()
        sent = {name: value.format(**ids) for name, value in body.items()} if body else body
        yield endpoint, program.ask(method, path.format(**ids), sent)


@pytest.fixture
def ids(program: Program) -> dict[str, str]:
    """Rows of the program."""
    job_id = program.post("/image/generate", PICTURE).json()["job_id"]
    upload_id = program.post("/files/upload/presign", {"filename": "fox.png"}).json()["upload_id"]
    return {"job_id": job_id, "upload_id": upload_id}


def refused(program: Program, ids: dict[str, str]) -> dict[str, tuple[int, object]]:
    """Status and detail of every endpoint; nothing is written meanwhile."""
    before = everything()
    told = {endpoint: (answer.status_code, answer.json()["detail"]) for endpoint, answer in answers(program, ids)}
    assert changed(before) == []
    return told


def test_every_endpoint_is_declared():
    assert set(routed()) == set(ENDPOINTS)


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        ("", "Missing Authorization header"),
        ("Basic YWRhOmxvdmVsYWNl", "Missing Authorization header"),
        ("Bearer", "Missing Authorization header"),
        ("Bearer nonsense", "Invalid API key"),
        ("Bearer sk_live_" + "0" * 32, "Invalid API key"),
        ("Bearer sk_live_" + "é" * 32, "Invalid API key"),
    ],
)
def test_without_a_good_key_there_is_nothing(ids, authorization, detail):
    nobody = Program(**({"Authorization": authorization} if authorization else {}))
    assert set(refused(nobody, ids).values()) == {(401, detail)}


def test_a_revoked_an_expired_and_a_paused_key_open_nothing(program, user, ids):
    issuing.pause(user, program.key)
    assert set(refused(program, ids).values()) == {(401, "API key is disabled")}
    issuing.resume(user, program.key)
    ApiKey.objects.update(expires_at=clock.ago(1))
    assert set(refused(program, ids).values()) == {(401, "API key has expired")}
    issuing.revoke(user, program.key)
    assert set(refused(program, ids).values()) == {(401, "API key was revoked")}


def test_a_suspended_members_key_opens_nothing(program, user, ids):
    type(user.member).objects.filter(pk=user.member.pk).update(state=MemberState.SUSPENDED)
    assert set(refused(program, ids).values()) == {(401, "API key belongs to a suspended member")}


def test_another_address_opens_nothing(user, ids):
    fenced = a_program(user, addresses=("203.0.113.0/24",))
    assert set(refused(fenced, ids).values()) == {(403, "API key may not be used from this address")}
    forged = Program(fenced.secret, **{"X-Forwarded-For": "203.0.113.7"})
    assert {status for status, _detail in refused(forged, ids).values()} == {403}


@pytest.mark.parametrize("whose", ["the same member's", "another member's", "the owner's", "another tenant's"])
def test_another_keys_rows_are_not_there(ids, user, owner, whose):
    """Also of the same member, and also for the owner: a key sees its own alone."""
    stranger = actors.of(founding.found(makers.a_person(), name="Elsewhere"))
    actor = {"the same member's": user, "another member's": a_user(owner), "the owner's": owner}.get(whose, stranger)
    other = a_program(actor)
    before = everything()
    told = {name: answer.status_code for name, answer in answers(other, ids, naming=True)}
    assert told == dict.fromkeys(told, 404)
    assert len(told) == 4
    assert set(changed(before)) <= {"keys.ApiKey"}  # when it was used last


def test_lists_show_the_keys_own_alone(ids, user):
    other = a_program(user)
    assert other.get("/dashboard/jobs").json()["jobs"] == []
    assert other.get("/dashboard/credits").json()["transactions"] == []


def test_somebody_elses_file_is_no_input(ids, program, owner):
    for actor in (owner, actors.of(founding.found(makers.a_person(), name="Elsewhere"))):
        file = uploading.keep(actor, an_upload(encoded()))
        address = links.sign(file).rpartition("/v1/")[0] + f"/v1/media/{file.public_id}/0.{'a' * 22}/original.png"
        before = everything()
        answer = program.post("/image/generate", PICTURE | {"model": "nano-banana", "img_url": address})
        assert (answer.status_code, answer.json()) == (400, {"detail": "img_url: no such file"})
        assert changed(before) == []


def test_a_tenants_host_knows_no_key_of_another(program, ids, owner):
    elsewhere = founding.found(makers.a_person(), name="Elsewhere").tenant
    for tenant, status in ((owner.tenant, 200), (elsewhere, 401)):
        name = f"{tenant.slug}.example-studio.com"
        Host.objects.create(tenant=tenant, name=name, purpose=HostPurpose.WEB, state=HostState.APPROVED)
        assert program.get("/balance", headers={"Host": name}).status_code == status
