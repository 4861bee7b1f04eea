"""Every endpoint of the OpenAPI document, asked at hosts of tenants: a media host has none, another tenant's no key.

The endpoints come from the document itself, so a new one is asked, too.
"""

import pytest
from django.test import Client

from revidweb.accounts import actors, hosts
from revidweb.accounts.models import Host, HostPurpose, HostState
from revidweb.catalog import founding
from tests import makers
from tests.api.makers import PICTURE, Program
from tests.web.world import changed, everything

pytestmark = pytest.mark.django_db

MEDIA, WEB, ELSEWHERE = "media.aurora-films.com", "studio.aurora-films.com", "studio.elsewhere-films.com"


@pytest.fixture(autouse=True)
def _hosts(owner):
    elsewhere = actors.of(founding.found(makers.a_person(), name="Elsewhere"))
    for tenant, name, purpose in (
        (owner.tenant, MEDIA, HostPurpose.MEDIA),
        (owner.tenant, WEB, HostPurpose.WEB),
        (elsewhere.tenant, ELSEWHERE, HostPurpose.WEB),
    ):
        Host.objects.create(tenant=tenant, name=name, purpose=purpose, state=HostState.APPROVED)
    yield
    hosts._known.clear()


@pytest.fixture
def endpoints(program) -> list[tuple[str, str]]:
    """Method and path of each, with ids of the program's own."""
    ids = {"job_id": program.post("/image/generate", PICTURE).json()["job_id"]}
    ids["upload_id"] = program.post("/files/upload/presign", {"filename": "fox.png"}).json()["upload_id"]
    paths = Client().get("/v1/openapi.json").json()["paths"]
    asked = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    assert len(asked) > 15
    return [(method, path.removeprefix("/v1").format(**ids)) for method, path in asked]


def told(program: Program, endpoints: list[tuple[str, str]], host: str) -> set[tuple[int, str]]:
    """Each status and content type that they answer there; nothing is written."""
    before = everything()
    answers = [
        program.ask(method, path, PICTURE if method == "POST" else None, headers={"Host": host})
        for method, path in endpoints
    ]
    assert changed(before) == []
    return {(answer.status_code, answer["Content-Type"]) for answer in answers}


def test_a_media_host_has_no_endpoint(program, endpoints):
    assert told(program, endpoints, MEDIA) == {(404, "text/plain; charset=utf-8")}


def test_an_unknown_host_has_no_endpoint(program, endpoints):
    assert told(program, endpoints, "somewhere.example.org") == {(404, "text/plain; charset=utf-8")}


def test_another_tenants_host_knows_the_key_at_no_endpoint(program, endpoints):
    assert told(program, endpoints, ELSEWHERE) == {(401, "application/json")}


def test_the_tenants_own_host_knows_it_at_every_endpoint(program, endpoints):
    for method, path in endpoints:
        answer = program.ask(method, path, {} if method == "POST" else None, headers={"Host": WEB})
        assert answer.status_code in (200, 400), path
