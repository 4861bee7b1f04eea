"""Usage: the days, groups and filters of its address, what the page and the file say of them, and to whom."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from revidweb.lib import clock
from revidweb.stats import counting
from revidweb.stats.values import Sums
from revidweb.web import usage_words
from tests.makers import a_client
from tests.stats.makers import End, Studio, a_studio, at, ended

from . import exports

pytestmark = pytest.mark.django_db
TODAY = clock.now().date()


@pytest.fixture
def studio() -> Studio:
    """Of the last days: two models, two keys, one failure, counted but for the last job."""
    made = a_studio()
    ends = [
        End(at(TODAY - timedelta(days=1)), credits=10),
        End(at(TODAY - timedelta(days=2)), credits=20, model=1, key=1, server="vip1"),
        End(at(TODAY - timedelta(days=2)), verdict="failed", key=2),
        End(at(TODAY - timedelta(days=40)), credits=30),
    ]
    ended(made, ends)
    counting.tick()
    ended(made, [End(clock.now() - timedelta(seconds=1), credits=5)])
    return made


def page(studio: Studio, query: str = "", member: int = 0, **headers: str):
    address = reverse("usage", args=[studio.tenant.slug])
    return a_client(studio.members[member]).get(f"{address}{query}", headers=headers)


def rows(answer) -> dict[str, tuple[int, int]]:
    """Jobs and credits by group, as the table shows them."""
    return {row.label: (row.sums.jobs, row.sums.credits) for row in answer.context["shown"].rows}


def test_the_last_thirty_days_stand_by_model(studio):
    answer = page(studio)
    assert rows(answer) == {studio.models[1].title: (1, 20), studio.models[0].title: (3, 15)}
    tiles = {tile.label: tile.figure for tile in answer.context["shown"].tiles}
    assert tiles == {"Credits used": "35", "Jobs": "4", "Succeeded": "75 %", "Time to result": "12 s"}


def test_each_tile_says_what_moved_since_the_days_before(studio):
    credits, jobs, success, _time = page(studio).context["shown"].tiles
    assert (credits.change.text, jobs.change.text, success.change.text) == ("+17 %", "+300 %", "−25")
    assert success.change.tone == "bad"


def test_what_has_just_ended_is_there(studio):
    assert rows(page(studio, "?range=today")) == {studio.models[0].title: (1, 5)}


@pytest.mark.parametrize(
    ("by", "labels"),
    [
        ("kind", {"Image", "Video"}),
        ("server", {"Economy", "VIP 1 · premium"}),
        ("status", {"Done", "Failed"}),
        ("all", {"All jobs"}),
    ],
)
def test_words_tell_usage_apart(studio, by, labels):
    assert set(rows(page(studio, f"?by={by}"))) == labels


def test_members_keys_and_connections_tell_it_apart_by_their_names(studio):
    assert set(rows(page(studio, "?by=member"))) == {str(member.person) for member in studio.members}
    assert set(rows(page(studio, "?by=key"))) == {"Without a key", *(key.name for key in studio.keys)}
    assert set(rows(page(studio, "?by=connection"))) == {studio.connections[0].name}


def test_filters_narrow_and_are_combined(studio):
    key, model = studio.keys[0], studio.models[1]
    assert rows(page(studio, f"?key={key.public_id}")) == {model.title: (1, 20)}
    assert rows(page(studio, f"?key={key.public_id}&server=fast&model={model.name}")) == {}
    assert rows(page(studio, f"?server=vip1&status=done&member={key.member.public_id}")) == {model.title: (1, 20)}
    assert rows(page(studio, "?key=none")) == {studio.models[0].title: (2, 15)}


def test_free_days_are_the_tenants_and_both_included(studio):
    first, last = TODAY - timedelta(days=2), TODAY - timedelta(days=1)
    answer = page(studio, f"?from={first}&to={last}")
    assert sum(credits for _jobs, credits in rows(answer).values()) == 30
    assert [bucket.day for bucket in answer.context["shown"].usage.buckets if not bucket.hour] == [first, last]


def test_every_bar_leads_to_its_jobs(studio):
    day = TODAY - timedelta(days=1)
    assert f"ended_from={day}&amp;ended_to={day}" in page(studio).content.decode()


def test_the_jobs_behind_a_group_are_those_that_it_counts(studio):
    shown = page(studio, "?by=key").context["shown"]
    client = a_client(studio.owner)
    for row in shown.rows:
        assert len(client.get(row.jobs).context["page"].jobs) == row.sums.jobs


def test_a_group_leads_to_its_own_page(studio):
    first = page(studio, "?by=key").context["shown"].rows[0]
    alone = page(studio, first.href)
    assert sum(jobs for jobs, _credits in rows(alone).values()) == first.sums.jobs


def test_a_group_of_any_letters_leads_to_its_own_page_and_jobs(studio):
    ended(studio, [End(clock.now() - timedelta(seconds=1), server="a b&by=é", credits=90)])
    first, *_ = page(studio, "?by=server").context["shown"].rows
    assert rows(page(studio, first.href)) == {studio.models[0].title: (1, 90)}
    assert len(a_client(studio.owner).get(first.jobs).context["page"].jobs) == 1


def test_figures_are_written_as_people_read_them(studio):
    done, failed = Sums((1200, 1, 0, 0, 12345, 2_500_000, 9, 0, 0, 1, *[0] * 4)), Sums((1, 0, 1, *[0] * 11))
    write = usage_words._writer()
    assert write(done) == ("1,200", "12,345", "100 %", "12,345.0", "12 s", "2")
    assert write(failed) == ("1", "0", "0 %", "–", "–", "0")
    assert write(Sums() - done).credits == "−12,345"


def test_a_part_that_is_switched_off_stays_in_the_legend(studio):
    shown = page(studio, f"?off={studio.models[0].name}").context["shown"]
    assert [(word.name, word.is_off) for word in shown.chart.legend] == [
        (studio.models[1].title, False),
        (studio.models[0].title, True),
    ]
    assert "off=" not in shown.chart.legend[1].href


def test_a_long_word_is_cut_before_every_link_repeats_it(studio):
    shown = page(studio, f"?off={'x' * 5000}").context["shown"]
    assert shown.asked.off == ("x" * 200,)
    assert max(len(word.href) for word in shown.chart.legend) < 300


@pytest.mark.parametrize("measure", ["jobs", "success", "time"])
def test_other_measures_are_drawn(studio, measure):
    assert page(studio, f"?show={measure}").status_code == 200


@pytest.mark.parametrize("days", ["today", "7d", "90d", "365d"])
def test_every_range_is_drawn(studio, days):
    assert page(studio, f"?range={days}&by=key").status_code == 200


def test_a_user_sees_their_own_and_nobody_elses(studio):
    answer = page(studio, "?by=key", member=1)
    assert rows(answer) == {studio.keys[0].name: (1, 20)}
    assert rows(page(studio, f"?key={studio.keys[1].public_id}", member=1)) == {}
    assert rows(page(studio, f"?member={studio.members[2].public_id}&by=member", member=1)) == rows(
        page(studio, member=1)
    )
    assert studio.keys[1].name not in answer.content.decode()
    assert "Upstream" not in answer.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        *("?range=never", "?by=nothing", "?show=nothing", "?from=yesterday", "?to=0000-00-00", "?from=9999-01-01"),
        *("?key=key_none", "?member=none", "?model=%00", "?server=%00x", "?connection=con_x", "?kind=🙂", "?off=%00"),
        *("?from=1970-01-02&to=1970-01-02", "?from=1000-01-01", "?key=none&member=none&status=lost&kind=audio"),
        *("?rows=all", "?by=ALL", "?status=", "?from=2026-02-30", "?from=2026-03-01&to=2026-02-01"),
    ],
)
def test_nonsense_in_the_address_is_no_error(studio, query):
    assert page(studio, query).status_code == 200


def test_a_tenant_in_which_nothing_ended_is_told_what_will_stand_here():
    assert "No job has ended in these days" in page(a_studio()).content.decode()


def test_htmx_gets_the_answer_alone_and_the_address_that_asks_for_it(studio):
    answer = page(studio, "?by=key&range=7d", hx_request="true")
    assert "<html" not in answer.content.decode()
    assert answer["HX-Push-Url"].endswith("/usage/?range=7d&by=key")


def test_while_it_is_counted_anew_the_page_says_so(studio):
    studio.tenant.time_zone = "Asia/Kathmandu"
    studio.tenant.save()
    assert "being counted anew" in page(studio).content.decode()
    counting.rebuild_moved()
    assert "being counted anew" not in page(studio).content.decode()


def test_a_long_table_shows_a_hundred_rows_and_the_way_to_all(studio, monkeypatch):
    monkeypatch.setattr("revidweb.web.usage_words.MOST_ROWS", 1)
    answer = page(studio)
    assert (len(rows(answer)), answer.context["shown"].left_out) == (1, 1)
    assert len(rows(page(studio, answer.context["all_rows"]))) == 2


@pytest.mark.parametrize(
    "query", ["", "?by=key&range=365d", "?range=today&by=member", "?status=done&kind=image&range=7d"]
)
def test_the_page_asks_at_most_eleven_questions(studio, query):
    client, address = a_client(studio.owner), reverse("usage", args=[studio.tenant.slug])
    with CaptureQueriesContext(connection) as asked:
        client.get(f"{address}{query}")
    assert len(asked) <= 11, [one["sql"][:150] for one in asked]


# -- the file


def file(studio: Studio, query: str = "", member: int = 0) -> list[dict[str, str]]:
    address = reverse("usage_export", args=[studio.tenant.slug])
    return exports.rows(a_client(studio.members[member]).get(f"{address}{query}"))


def test_the_file_says_what_the_table_says(studio):
    first, second = file(studio)
    assert first == {
        "group": studio.models[1].name,
        "name": studio.models[1].title,
        "jobs": "1",
        "done": "1",
        "failed": "0",
        "cancelled": "0",
        "credits": "20",
        "success_percent": "100.0",
        "average_credits": "20.0",
        "median_s": "12.0",
        "upstream_credits": "3",
    }
    assert (second["jobs"], second["credits"], second["success_percent"]) == ("3", "15", "66.67")


def test_a_server_named_like_a_formula_is_none_in_the_file(studio):
    ended(studio, [End(clock.now() - timedelta(seconds=1), server="=1+1", credits=90)])
    first, *_ = file(studio, "?by=server")
    assert (first["group"], first["credits"]) == ("'=1+1", "90")


def test_the_file_by_day_sums_to_the_table(studio):
    lines = file(studio, "?each=bucket&by=key")
    assert sum(int(line["credits"]) for line in lines) == 35
    assert {date.fromisoformat(line["day"]) for line in lines} == {TODAY - timedelta(days=ago) for ago in range(3)}


def test_a_file_of_a_day_says_each_hour_with_its_offset(studio):
    (line,) = file(studio, "?each=bucket&range=today&by=all")
    assert line["hour"].endswith(":00:00+00:00")
    assert (line["group"], line["credits"]) == ("all", "5")


def test_a_user_is_not_told_what_upstream_took(studio):
    (line,) = file(studio, member=1)
    assert "upstream_credits" not in line
    assert line["group"] == studio.models[1].name
