"""The list of models."""

import pytest

from revidweb.catalog.models import MediaModel, Price
from revidweb.connections.models import Connection
from tests.makers import a_client, a_member

from .jobs_pages import HTMX, get, text, url

pytestmark = pytest.mark.django_db


def names(answer):
    return [shown.model.name for group in answer.context["groups"] for shown in group["models"]]


def one(answer, name):
    found = (shown for group in answer.context["groups"] for shown in group["models"] if shown.model.name == name)
    return next(found)


def test_every_model_stands_under_its_kind(user):
    answer = get(user, "models")
    assert sorted(names(answer)) == sorted(MediaModel.objects.values_list("name", flat=True))
    assert [group["kind"] for group in answer.context["groups"]] == ["image", "video", "motion", "avatar"]


def test_a_model_says_what_it_makes_and_what_it_costs(user):
    page = text(get(user, "models", query="?search=kling-2.6"))
    for word in ("Kling 2.6", "kling-2.6", "text and image to video", "5–10 s", "credits", "with sound"):
        assert word in page


def test_every_price_row_is_printed_once(user):
    answer = get(user, "models")
    shown = sum(model.row_count for group in answer.context["groups"] for model in group["models"])
    assert shown == Price.objects.count()
    kling = one(answer, "kling-2.6")
    for row in kling.tariffs[0].rows:
        assert len(row.cells) == len(kling.tariffs[0].servers)
    assert "≈" in text(answer)


def test_a_model_that_can_be_made_leads_to_create(user):
    page = get(user, "models").content.decode()
    assert f"{url('overview', user)}create/image/?model=image-4.0" in page
    assert f"{url('overview', user)}create/video/?model=kling-2.6" in page


def test_what_is_not_offered_yet_says_so_and_leads_nowhere(user):
    answer = get(user, "models", query="?kind=motion")
    assert "Not offered yet" in text(answer)
    assert "Create with" not in answer.content.decode()


def test_what_no_connection_sells_says_so(user):
    Connection.objects.update(is_enabled=False)
    answer = get(user, "models", query="?search=image-4.0")
    assert "No connection sells it" in text(answer)
    assert "Create with" not in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?search=IMAGE-4.0", ["image-4.0"]),
        ("?kind=video&search=image-4.0", []),
        ("?search=zebra", []),
        ("?kind=avatar&search=%20", "avatar"),
        ("?kind=odd&search=image-4.0", ["image-4.0"]),
    ],
)
def test_the_address_filters(user, query, found):
    if isinstance(found, str):
        found = list(MediaModel.objects.filter(kind=found).values_list("name", flat=True))
    assert names(get(user, "models", query=query)) == found


def test_the_tabs_count_what_matches_and_keep_the_search(user):
    tabs = get(user, "models", query="?search=kling&kind=video").context["tabs"]
    assert [tab["label"] for tab in tabs if tab["is_current"]] == ["Video"]
    assert tabs[0]["href"] == "?search=kling"
    assert tabs[0]["count"] == sum(tab["count"] for tab in tabs[1:])


def test_where_nothing_matches_the_page_says_so(user):
    assert "No model matches" in text(get(user, "models", query="?search=zebra"))


def test_a_part_is_the_results_alone(user):
    answer = get(user, "models", query="?search=kling", **HTMX)
    assert answer.content.decode().strip().startswith('<div class="stack-wide" id="results"')


def test_strangers_find_nothing_and_only_reading_is_possible(user):
    where = url("models", user)
    assert a_client(a_member()).get(where).status_code == 404
    assert a_client().get(where).status_code == 302
    assert a_client(user.member).post(where).status_code == 405


def test_the_page_is_light_and_asks_few_questions(user, django_assert_max_num_queries):
    client = a_client(user.member)
    with django_assert_max_num_queries(12):
        answer = client.get(url("models", user))
    assert len(answer.content) < 100_000
