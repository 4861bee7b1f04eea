"""Every price row that `/v1/models` prints can be asked for by its own words, and is what the job costs."""

import pytest

from tests.api.makers import PICTURE, a_program

pytestmark = pytest.mark.django_db

WORDS = ("resolution", "duration", "quality", "speed", "audio")


def test_each_row_costs_what_it_says(owner):
    program = a_program(owner)
    models = program.get("/models").json()["models"]
    rows = [(model, row) for model in models for row in model["pricing"] if {"t2i", "t2v"} & set(model["modes"])]
    assert len(rows) > 100
    for model, row in rows:
        words = {name: row[name] for name in WORDS if name in row} | {"server_id": row["server"]}
        answer = program.post(f"/{model['type']}/generate", PICTURE | {"model": model["model"]} | words)
        assert (answer.status_code, answer.json().get("cost")) == (200, row["credits"]), (model["model"], row)
