"""The table of jobs."""

import pytest

from revidweb.jobs import listing
from revidweb.jobs.models import Job
from revidweb.providers.base import ProviderRefused, Receipt
from tests.jobs.steps import run, send_all
from tests.makers import a_client, a_member

from .jobs_pages import HTMX, a_job, a_user, get, many, text, url

pytestmark = pytest.mark.django_db


def shown(answer):
    return [job.prompt for job in answer.context["page"].jobs]


# -- what it lists


def test_jobs_stand_newest_first_with_state_model_member_and_cost(owner, user):
    a_job(user, "Paper boats")
    a_job(owner, "A glass city")
    answer = get(owner, "jobs")
    assert shown(answer) == ["A glass city", "Paper boats"]
    for word in ("Queued", "Imagen 4.0", str(user.member.person), "4 credits held"):
        assert word in text(answer)


def test_a_failed_job_cost_nothing_and_a_done_one_its_price(user, upstream):
    upstream.submits = [Receipt("t"), ProviderRefused("no", code="failed")]
    many(lambda: a_job(user), 2)
    run()
    answer = text(get(user, "jobs"))
    assert "0 credits" in answer
    assert "4 credits held" not in answer


def test_a_user_sees_their_own_jobs_alone_and_no_member_column(owner, user):
    a_job(owner, "The owner's")
    a_job(a_user(owner), "A colleague's")
    a_job(user, "Mine")
    answer = get(user, "jobs")
    assert shown(answer) == ["Mine"]
    assert "Member" not in text(answer).split("Prompt or job id")[1]


def test_a_prompt_of_markup_is_shown_as_text(user):
    a_job(user, "<script>alert(1)</script>")
    assert "<script>alert" not in get(user, "jobs").content.decode()


def test_before_the_first_job_the_page_says_what_it_is_for(user):
    answer = get(user, "jobs")
    assert "No jobs yet" in text(answer)
    assert url("jobs", user).replace("jobs/", "create/image/") in answer.content.decode()


# -- filters


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Castle", "Boats"]),
        ("?state=moving", ["Castle"]),
        ("?state=failed", ["Boats"]),
        ("?state=done", []),
        ("?kind=image", ["Castle", "Boats"]),
        ("?kind=video", []),
        ("?model=image-4.0&state=moving", ["Castle"]),
        ("?model=grok-image", []),
        ("?search=cast", ["Castle"]),
        ("?search=%20boats%20", ["Boats"]),
        ("?search=job_nothing", []),
    ],
)
def test_the_address_filters(user, upstream, query, found):
    upstream.submits = [ProviderRefused("no", code="failed")]
    a_job(user, "Boats")
    send_all()
    a_job(user, "Castle")
    assert shown(get(user, "jobs", query=query)) == found


@pytest.mark.parametrize("query", ["?state=odd", "?kind=odd", "?kind=motion", "?state=%00&search=%00"])
def test_a_filter_that_does_not_exist_is_left_out(user, query):
    a_job(user, "Boats")
    assert shown(get(user, "jobs", query=query)) == ["Boats"]


def test_a_whole_job_id_finds_its_job(user):
    job, _other = many(lambda: a_job(user), 2)
    page = get(user, "jobs", query=f"?search={job.public_id}").context["page"]
    assert page.jobs == [job]


def test_who_sees_all_filters_by_member_and_nobody_else(owner, user):
    a_job(owner, "The owner's")
    a_job(user, "Mine")
    query = f"?member={user.member.public_id}"
    assert shown(get(owner, "jobs", query=query)) == ["Mine"]
    assert shown(get(user, "jobs", query=f"?member={owner.member.public_id}")) == ["Mine"]


def test_who_manages_connections_filters_by_them_and_nobody_else(owner, user):
    a_job(user, "Mine")
    assert shown(get(owner, "jobs", query="?connection=con_other")) == []
    assert shown(get(user, "jobs", query="?connection=con_other")) == ["Mine"]


def test_where_nothing_matches_the_page_says_so_and_leads_back(user):
    a_job(user)
    answer = get(user, "jobs", query="?search=zebra")
    assert "No job matches" in text(answer)
    assert 'value="zebra"' in answer.content.decode()


def test_the_tabs_keep_the_other_filters(user):
    tabs = get(user, "jobs", query="?kind=image&search=boats&state=done").context["tabs"]
    assert tabs[0]["href"] == "?kind=image&search=boats"
    assert [tab["label"] for tab in tabs if tab["is_current"]] == ["Done"]


def test_a_part_is_the_results_alone_and_writes_a_short_address(user):
    a_job(user)
    answer = get(user, "jobs", query="?kind=image&model=&search=", **HTMX)
    assert answer.content.decode().strip().startswith('<div class="stack" id="results"')
    assert answer["HX-Push-Url"] == url("jobs", user) + "?kind=image"


# -- pages


def test_many_jobs_stand_on_pages_that_lead_to_each_other(user, monkeypatch):
    monkeypatch.setattr(listing, "PER_PAGE", 3)
    monkeypatch.setattr(listing.page, "__kwdefaults__", {**listing.page.__kwdefaults__, "limit": 3})
    jobs = many(lambda: a_job(user), 7)[::-1]
    seen, query = [], ""
    while True:
        answer = get(user, "jobs", query=query)
        seen += answer.context["page"].jobs
        if not answer.context["older"]:
            break
        query = answer.context["older"]
    assert seen == jobs
    back = get(user, "jobs", query=answer.context["newer"])
    assert back.context["page"].jobs == jobs[3:6]
    first = get(user, "jobs", query=back.context["newer"])
    assert first.context["page"].jobs == jobs[:3]
    assert first.context["newer"] == ""


def test_a_place_that_is_not_ones_own_is_not_there(owner, user):
    theirs = a_job(owner)
    assert get(user, "jobs", query=f"?before={theirs.public_id}").status_code == 404
    assert get(user, "jobs", query="?after=job_nothing").status_code == 404


# -- who, how, and how fast


def test_strangers_find_nothing_and_nobody_goes_to_sign_in(user):
    where = url("jobs", user)
    assert a_client(a_member()).get(where).status_code == 404
    assert a_client().get(where).url.startswith("/accounts/login/")


def test_a_wrong_method_is_refused(user):
    assert a_client(user.member).post(url("jobs", user)).status_code == 405


@pytest.mark.parametrize("count", [1, 30])
def test_the_page_asks_few_questions_however_many_jobs(owner, django_assert_max_num_queries, count):
    many(lambda: a_job(owner), count)
    client = a_client(owner.member)
    with django_assert_max_num_queries(12):
        assert len(client.get(url("jobs", owner)).context["page"].jobs) == count


def test_a_moving_row_names_itself_and_an_ended_one_does_not(user, upstream):
    a_job(user)
    run()
    assert 'name="shown"' not in get(user, "jobs").content.decode()
    moving = a_job(user)
    assert f'name="shown" value="{moving.public_id}"' in get(user, "jobs").content.decode()
    assert Job.objects.count() == 2
