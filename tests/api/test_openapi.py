"""The OpenAPI document: every endpoint, both content types of every write, and answers that keep to their shapes."""

import jsonschema_rs
import pytest
from django.test import Client

from tests.jobs import steps

from .makers import CLIP, PICTURE, Program, a_program
from .test_isolation import ENDPOINTS

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(db: None) -> dict:
    return Client().get("/v1/openapi.json").json()


def operations(document: dict) -> dict[str, dict]:
    return {
        f"{method.upper()} {path.removeprefix('/v1')}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_endpoint_is_documented_and_nothing_else(document):
    assert set(operations(document)) == set(ENDPOINTS)


def test_every_write_takes_json_and_forms(document):
    for name, operation in operations(document).items():
        if not name.startswith("POST") or name.endswith("/cancel"):
            continue
        content = set(operation["requestBody"]["content"])
        expected = {"multipart/form-data"} | (set() if name.endswith("upload/image") else {"application/json"})
        assert content == expected, name


def test_every_endpoint_asks_for_the_key(document):
    assert document["components"]["securitySchemes"] == {
        "BearerKey": {"type": "http", "scheme": "bearer", "bearerFormat": "sk_live_..."}
    }
    assert all(operation["security"] == [{"BearerKey": []}] for operation in operations(document).values())


def test_every_status_has_a_shape(document):
    for name, operation in operations(document).items():
        assert {"200", "401", "403", "429"} <= operation["responses"].keys()
        for status, response in operation["responses"].items():
            is_file = (name, status) == ("GET /dashboard/stats/export", "200")
            assert response["content"]["text/csv" if is_file else "application/json"]["schema"], (name, status)
    generate = operations(document)["POST /image/generate"]["responses"].keys()
    assert generate == {"200", "400", "401", "402", "403", "422", "429", "503"}


def checked(document: dict, name: str, answer) -> dict:
    """The answer's body, which keeps to the shape that is documented for its status."""
    response = operations(document)[name]["responses"][str(answer.status_code)]
    schema = response["content"]["application/json"]["schema"] | {"components": document["components"]}
    jsonschema_rs.Draft202012Validator(schema).validate(answer.json())
    return answer.json()


def test_answers_keep_to_their_shapes(document, user, upstream):
    for program in (a_program(user), a_program(user, kind="budgeted", credits=20, day=100, per_minute=600)):
        told = [program.post("/image/generate", PICTURE) for _ in range(2)]
        job_id, other = (checked(document, "POST /image/generate", answer)["job_id"] for answer in told)
        checked(document, "POST /jobs/{job_id}/cancel", program.post(f"/jobs/{other}/cancel"))
        checked(document, "POST /jobs/{job_id}/cancel", program.post(f"/jobs/{other}/cancel"))
        checked(document, "GET /jobs/{job_id}", program.get(f"/jobs/{job_id}"))
        steps.run()
        for name in (job_id, other):
            checked(document, "GET /jobs/{job_id}", program.get(f"/jobs/{name}"))
        for path in (
            "/models",
            "/models/pricing",
            "/limits",
            "/balance",
            "/dashboard/me",
            "/dashboard/credits",
            "/dashboard/stats",
        ):
            checked(document, f"GET {path}", program.get(path))
        for query in ("", "?limit=1", f"?cursor={other}"):
            checked(document, "GET /dashboard/jobs", program.get(f"/dashboard/jobs{query}"))


def test_refusals_keep_to_their_shapes(document, user):
    program = a_program(user, running=1, queue=0)
    checked(document, "POST /video/generate", program.post("/video/generate", CLIP | {"audio": "maybe"}))
    program.post("/image/generate", PICTURE)
    told = checked(document, "POST /image/generate", program.post("/image/generate", PICTURE))
    assert told["detail"]["error"] == "Queue full"
    checked(document, "GET /balance", Program().get("/balance"))
    checked(document, "GET /jobs/{job_id}", program.get("/jobs/job_nope"))
