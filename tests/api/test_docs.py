"""`/v1/docs`: every endpoint of the document, with lines to copy that work."""

import ast
import html
import re

import pytest
from django.test import Client

from .test_isolation import ENDPOINTS

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(db: None) -> str:
    answer = Client().get("/v1/docs")
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (200, "text/html")
    return answer.content.decode()


def examples(page: str, language: str) -> list[str]:
    found = re.findall(rf'<code id="[a-z-]+-{language}">(.*?)</code>', page, re.DOTALL)
    return [html.unescape(text) for text in found]


def test_every_endpoint_is_on_the_page(page):
    for endpoint in ENDPOINTS:
        assert f"<code>/v1{endpoint.split()[1]}</code>" in page


def test_every_endpoint_has_an_example_in_each_language(page):
    for language in ("curl", "python", "javascript"):
        assert len(examples(page, language)) == len(ENDPOINTS)


def test_examples_name_the_host_that_was_asked_and_no_key(page):
    for language in ("curl", "python", "javascript"):
        assert all("http://testserver/v1/" in text and "REVIDWEB_KEY" in text for text in examples(page, language))


def test_python_examples_are_python(page):
    for text in examples(page, "python"):
        ast.parse(text)


def test_a_curl_line_sends_what_it_shows(page, program):
    """The words of the line, as a shell would read them."""
    line = next(text for text in examples(page, "curl") if "image/generate" in text)
    (sent,) = re.findall(r"-d '(.*)'", line)
    assert program.ask("POST", "/image/generate", data=sent, content_type="application/json").status_code == 200


def test_it_runs_no_inline_script(page):
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=", page)


def test_it_weighs_little(page):
    assert len(page.encode()) < 100 * 1024


def test_another_method_is_refused():
    assert Client().post("/v1/docs").status_code == 405
    assert Client().post("/v1/openapi.json").status_code == 405
