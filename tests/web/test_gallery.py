import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from revidweb.jobs.models import Output
from revidweb.library import favourites, gallery
from tests.library.makers import a_job, a_model, an_actor_with, an_output
from tests.makers import a_member, a_tenant, an_actor

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def look(client):
    """Open the gallery as an actor: look(actor, "kind=video", **headers)."""

    def _look(actor, query="", **headers):
        client.force_login(actor.member.person)
        return client.get(f"/t/{actor.tenant.slug}/gallery/?{query}", headers=headers)

    return _look


def ids(answer):
    return re.findall(r'<article class="tile" id="([^"]+)"', answer.content.decode())


def test_it_shows_pictures_and_clips_by_their_prompts(look):
    actor = an_actor()
    an_output(actor.member, prompt="Paper boats")
    an_output(actor.member, kind="video", prompt='Waves & "foam"')
    page = look(actor).content.decode()
    assert 'alt="Paper boats"' in page
    assert 'aria-label="Waves &amp; &#34;foam&#34;"' in page
    assert "4 credits" in page
    assert "?download" in page
    assert "0:01" in page


def test_an_empty_gallery_leads_to_create(look):
    actor = an_actor()
    page = look(actor)
    assert "Nothing here yet" in page.content.decode()
    assert f"/t/{actor.tenant.slug}/create/image/" in page.content.decode()


def test_filters_that_nothing_fits_can_be_cleared(look):
    page = look(an_actor_with(1), "search=zeppelin").content.decode()
    assert "Nothing matches" in page
    assert "Clear filters" in page


def test_the_address_holds_the_filters(look):
    owner = an_actor(role="owner")
    clip = an_output(owner.member, kind="video", prompt="Fox at dusk", model=a_model("kling", kind="video"))
    an_output(a_member(owner.tenant), prompt="Fox at dawn")
    query = f"kind=video&model=kling&member={owner.member.public_id}&search=fox&since=2020-01-01&until=2199-01-01"
    answer = look(owner, query)
    assert ids(answer) == [clip.public_id]
    assert f"/gallery/{clip.public_id}/?kind=video&amp;model=kling" in answer.content.decode()


def test_favourites_are_a_filter(look):
    actor = an_actor_with(2)
    marked = Output.objects.first()
    favourites.put(actor, marked)
    assert ids(look(actor, "favourite=yes")) == [marked.public_id]


@pytest.mark.parametrize(
    "query",
    [
        "kind=motion",
        "kind=%00",
        "model=no-such-model",
        "member=mem_nobody",
        "favourite=perhaps",
        "since=yesterday&until=2026-13-45",
        "since=0001-01-01&until=9999-12-31",
        "before=out_nobody",
        "before=1%27--",
        f"search={quote(chr(0))}",
    ],
)
def test_words_that_nobody_knows_are_left_out(look, query):
    actor = an_actor_with(1)
    answer = look(actor, query)
    assert answer.status_code == 200
    assert len(ids(answer)) == 1


def test_an_overlong_search_is_cut(look):
    assert look(an_actor_with(1), "search=" + "x" * 3000).context["bar"].address == "?search=" + "x" * 200


def test_a_user_can_neither_choose_nor_ask_for_other_members(look):
    theirs = an_output()
    user = an_actor(theirs.tenant)
    mine = an_output(user.member)
    answer = look(user, f"member={theirs.member.public_id}")
    assert ids(answer) == [mine.public_id]
    assert 'name="member"' not in answer.content.decode()


def test_an_owner_chooses_among_the_members(look):
    owner = an_actor(role="owner")
    user = a_member(owner.tenant)
    page = look(owner).content.decode()
    assert f'value="{user.public_id}"' in page
    assert 'name="member"' in page


def test_other_tenants_results_and_deleted_ones_are_not_there(look):
    actor = an_actor_with(2)
    gone, stays = Output.objects.order_by("pk")
    an_output()
    gallery.erase(actor, gone)
    assert ids(look(actor)) == [stays.public_id]


def test_days_have_headings_in_the_tenants_zone(look, time_machine):
    time_machine.move_to(datetime(2026, 5, 3, 12, tzinfo=UTC), tick=False)
    owner = an_actor(a_tenant(time_zone="Pacific/Auckland"), role="owner")  # there it is the 4th
    for at in ("2026-05-03T11:59Z", "2026-05-03T12:00Z", "2025-12-24T12:00Z"):
        an_output(owner.member, at=datetime.fromisoformat(at))
    assert [day.label for day in look(owner).context["days"]] == ["Today", "Yesterday", "25 December 2025"]


@pytest.fixture
def _pages_of_two(monkeypatch):
    monkeypatch.setattr(gallery.page, "__kwdefaults__", {"before": None, "limit": 2})


@pytest.mark.usefixtures("_pages_of_two")
def test_a_link_leads_on_and_every_position_has_an_address(look):
    actor = an_actor_with(5, kind="image")
    newest_first = [output.public_id for output in Output.objects.order_by("-pk")]
    first = look(actor, "kind=image")
    assert ids(first) == newest_first[:2]
    assert f'href="?kind=image&amp;before={newest_first[1]}"' in first.content.decode()
    second = look(actor, f"kind=image&before={newest_first[1]}")
    assert ids(second) == newest_first[2:4]
    assert "Newest results" in second.content.decode()
    last = look(actor, f"kind=image&before={newest_first[3]}")
    assert ids(last) == newest_first[4:]
    assert "Older results" not in last.content.decode()
    assert "No older results" in look(actor, f"before={newest_first[4]}").content.decode()


@pytest.mark.usefixtures("_pages_of_two")
def test_further_down_come_tiles_alone_and_no_second_heading_of_a_day(look):
    actor = an_actor_with(3)
    last_shown = Output.objects.order_by("-pk")[1]
    answer = look(actor, f"before={last_shown.public_id}", **HTMX)
    page = answer.content.decode()
    assert len(ids(answer)) == 1
    assert "<h2" not in page
    assert "<html" not in page
    assert 'id="results"' not in page
    assert f'data-position="?before={last_shown.public_id}"' in page


def test_a_changed_filter_brings_the_grid_alone_under_a_clean_address(look):
    actor = an_actor_with(1)
    answer = look(actor, "kind=image&model=&search=&since=", **HTMX)
    assert answer["HX-Push-Url"] == f"/t/{actor.tenant.slug}/gallery/?kind=image"
    assert "HX-Request" in answer["Vary"]
    assert answer.content.decode().strip().startswith('<div id="results">')


@pytest.mark.parametrize("count", [1, 12])
def test_it_asks_ten_questions_however_many_results(look, client, count, django_assert_num_queries):
    owner = an_actor_with(count, role="owner")
    before = an_output(owner.member)
    path = look(owner).request["PATH_INFO"]
    with django_assert_num_queries(10):
        client.get(f"{path}?kind=image&before={before.public_id}")


def test_a_prompt_of_any_length_leaves_the_page_small(look):
    actor = an_actor()
    for _ in range(3):
        an_output(actor.member, prompt="long " * 1000)
    assert len(look(actor).content) < 40_000


def test_a_stranger_finds_nothing_and_nobody_goes_to_sign_in(client):
    slug = an_actor_with(1).tenant.slug
    assert client.get(f"/t/{slug}/gallery/").status_code == 302
    client.force_login(a_member().person)
    assert client.get(f"/t/{slug}/gallery/").status_code == 404


def test_it_is_only_read(client):
    actor = an_actor()
    client.force_login(actor.member.person)
    assert client.post(f"/t/{actor.tenant.slug}/gallery/").status_code == 405


def test_running_jobs_are_no_results(look):
    actor = an_actor()
    a_job(actor.member)
    assert ids(look(actor)) == []
