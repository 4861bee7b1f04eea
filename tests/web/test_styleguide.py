import re

import pytest
from django.conf import settings

from tests.makers import a_client, a_member, a_person

pytestmark = pytest.mark.django_db
PARTS = {path.stem for path in (settings.BASE_DIR / "templates/components").glob("*.html")}


def page(**fields):
    return a_client(a_member(person=a_person(is_staff=True, **fields)).person).get("/styleguide/")


def test_staff_see_every_component():
    answer = page()
    shown = {name.removeprefix("components/").removesuffix(".html") for name in names_of(answer)}
    assert answer.status_code == 200
    assert SHOWN_BY_ITSELF - shown == set()


def names_of(answer):
    return {template.name for template in answer.templates if template.name}


SHOWN_BY_ITSELF = {
    *("button", "field", "select", "segmented", "slider", "filedrop", "progress", "meter", "card", "stat", "table"),
    *("pager", "tabs", "menu", "dialog", "toast", "tooltip", "code", "secret", "chart", "filterbar", "empty"),
    *("notice", "sort", "empty_row", "form_errors"),
}


def test_the_list_of_components_names_files_that_exist():
    assert SHOWN_BY_ITSELF <= PARTS


def test_a_tile_is_shown_plain_and_selected():
    markup = page().content.decode()
    assert markup.count('<article class="tile"') == 4
    assert markup.count('<article class="tile" data-state="selected">') == 1


@pytest.mark.parametrize("state", ["queued", "working", "unknown", "done", "failed", "cancelled"])
def test_every_state_of_a_job_has_its_badge(state):
    assert f'class="badge" data-state="{state}"' in page().content.decode()


def test_nothing_on_it_needs_what_the_safety_policy_forbids():
    markup = page().content.decode()
    assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", markup)
    assert not re.search(r"<script(?![^>]*\ssrc=)", markup)
    assert "<style" not in markup


def test_ids_stand_once():
    ids = re.findall(r'\sid="([^"]+)"', page().content.decode())
    assert sorted(ids) == sorted(set(ids))


def test_for_others_it_is_not_there():
    assert a_client().get("/styleguide/").status_code == 404
    assert a_client(a_member().person).get("/styleguide/").status_code == 404


def test_staff_without_a_tenant_see_it_without_the_frame():
    answer = a_client(a_person(is_staff=True)).get("/styleguide/")
    assert answer.status_code == 200
    assert b'class="rail"' not in answer.content
