"""The one small request by which an open page learns what changed."""

import re
from datetime import timedelta

import pytest

from revidweb.jobs import cancel, watch
from revidweb.jobs.models import Job
from revidweb.lib import clock
from tests.jobs.steps import poll_all, run, send_all
from tests.makers import a_client, a_member
from tests.upstreams.scripted import WORKING

from .jobs_pages import HTMX, a_job, get, many, url

pytestmark = pytest.mark.django_db

FINDING_THE_ACTOR = 3  # session, person, member


def ask(actor, version="", at="frame", **query):
    words = {"at": at, "v": version} | query
    return a_client(actor.member).get(url("live", actor), words, headers=HTMX)


def version_of(answer):
    """What the page would send back next time; "" where it stops asking."""
    asked = re.search(r"&amp;v=([^&\"]*)", answer.content.decode())
    return asked[1] if asked else ""


def body(answer):
    return answer.content.decode()


# -- silence


@pytest.mark.parametrize("at", ["frame", "create", "overview", "jobs", "job"])
def test_nothing_is_said_while_nothing_changed(user, at):
    job = a_job(user)
    version = version_of(ask(user, at=at))
    answer = ask(user, version, at=at, job=job.public_id, shown=job.public_id)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("count", [1, 8])
def test_silence_costs_one_query(owner, django_assert_num_queries, count):
    many(lambda: a_job(owner, count=count), count)
    version = version_of(ask(owner))
    client = a_client(owner.member)
    with django_assert_num_queries(FINDING_THE_ACTOR + 1):
        assert client.get(url("live", owner), {"v": version}).status_code == 204


def test_a_version_stays_the_same_for_an_hour_and_then_the_list_starts_anew(user, upstream):
    a_job(user)
    run()
    a_job(user)
    version = version_of(ask(user))
    Job.objects.filter(state="done").update(ended_at=clock.ago(4000), changed_at=clock.ago(4000))
    old = watch.watch(user, version)
    assert watch.watch(user, version).version == old.version
    long_ago = (clock.now() - timedelta(hours=2)).timestamp()
    anew = watch.watch(user, f"{long_ago:.0f}.0.x.x")
    assert [job.state for job in anew.jobs] == ["queued"]
    assert watch.watch(user, anew.version).version == anew.version


# -- changes


def test_the_version_changes_with_state_progress_and_cancel(user, upstream):
    upstream.sightings = [WORKING]
    job = a_job(user)
    versions = [version_of(ask(user))]
    send_all()
    versions.append(version_of(ask(user, versions[-1])))
    poll_all()
    versions.append(version_of(ask(user, versions[-1])))
    job.refresh_from_db()
    assert (job.state, job.progress) == ("working", 40)
    cancel.cancel(user, job)
    versions.append(version_of(ask(user, versions[-1])))
    assert len(set(versions)) == 4


def test_when_the_last_job_ended_the_page_is_told_and_stops_asking(user, upstream):
    a_job(user)
    version = version_of(ask(user))
    run()
    answer = ask(user, version)
    assert answer.status_code == 200
    assert 'id="live"' in body(answer)
    assert "hx-trigger" not in body(answer)
    assert "hx-get" not in body(answer)


def test_the_frames_figures_come_with_every_change(user):
    a_job(user)
    answer = body(ask(user))
    for part in ("live", "live-counter", "rail-running", "balance"):
        assert f'id="{part}"' in answer
    assert "96" in answer


@pytest.mark.parametrize("version", ["x", "....", "99999999999999999999.1.1.1", "-1.-1.x.x", "1.2", "٣.٣.٣", "%00"])
def test_a_version_of_nonsense_is_told_all(user, version):
    job = a_job(user)
    for at in ("create", "overview", "jobs", "job", "odd"):
        assert ask(user, version, at=at, job=job.public_id, shown="nonsense").status_code == 200


# -- the pieces of each page


@pytest.mark.parametrize("at", ["create", "overview"])
def test_the_list_of_cards_comes_whole_only_when_its_jobs_are_others(user, upstream, at):
    first = a_job(user)
    answer = ask(user, at=at)
    assert 'id="now"' in body(answer)
    send_all()
    answer = ask(user, version_of(answer), at=at)
    assert 'id="now"' not in body(answer)
    assert f'id="card-{first.public_id}"' in body(answer)
    a_job(user)
    assert 'id="now"' in body(ask(user, version_of(answer), at=at))


def test_overview_is_sent_only_the_cards_that_it_shows(user, upstream):
    first, *_others, last = many(lambda: a_job(user), 5)
    version = version_of(ask(user, at="overview"))
    send_all()
    answer = body(ask(user, version, at="overview"))
    assert f'id="card-{last.public_id}"' in answer
    assert f'id="card-{first.public_id}"' not in answer
    assert f'id="card-{first.public_id}"' in body(ask(user, version, at="create"))


def test_overview_is_told_figures_and_results_when_a_job_ended(user, upstream):
    a_job(user)
    answer = ask(user, at="overview")
    assert 'id="figures"' not in body(answer)
    run()
    answer = ask(user, version_of(answer), at="overview")
    for part in ("figures", "usage", "models", "latest"):
        assert f'id="{part}"' in body(answer)


@pytest.mark.parametrize("at", ["create", "overview"])
def test_results_that_the_page_has_are_not_sent_again_while_others_run(user, upstream, at):
    a_job(user)
    run()
    a_job(user)
    answer = ask(user, at=at)
    assert 'id="latest"' in body(answer)
    send_all()
    answer = ask(user, version_of(answer), at=at)
    assert answer.status_code == 200
    assert 'id="latest"' not in body(answer)


def test_a_table_gets_only_the_rows_that_it_shows(user):
    shown, other = many(lambda: a_job(user), 2)
    answer = body(ask(user, at="jobs", shown=[shown.public_id, "job_nothing"]))
    assert f'<tr id="row-{shown.public_id}" hx-swap-oob="true">' in answer
    assert other.public_id not in answer
    assert answer.index("<template>") < answer.index("<tr") < answer.index("</template>")


def test_a_job_is_told_anew_only_when_it_changed(user, upstream):
    watched = a_job(user)
    version = version_of(ask(user))
    Job.objects.update(changed_at=clock.ago(60))
    a_job(user)
    answer = ask(user, version, at="job", job=watched.public_id)
    assert 'id="detail"' not in body(answer)
    assert f"job={watched.public_id}" in body(answer)
    send_all()
    answer = ask(user, version_of(answer), at="job", job=watched.public_id)
    assert 'id="detail" hx-swap-oob="true"' in body(answer)
    assert 'id="money" hx-swap-oob="true"' in body(answer)


def test_somebody_elses_job_is_not_told(owner, user):
    theirs = a_job(owner)
    a_job(user)
    answer = ask(user, at="job", job=theirs.public_id)
    assert 'id="detail"' not in body(answer)
    answer = ask(user, at="jobs", shown=theirs.public_id)
    assert theirs.public_id not in body(answer)


def test_jobs_at_work_are_watched_before_those_that_wait(owner):
    at_work, *_waiting = many(lambda: a_job(owner, count=8), 9)
    Job.objects.filter(pk=at_work.pk).update(state="working", changed_at=clock.ago(100))
    now = watch.watch(owner)
    assert at_work in now.jobs
    assert (len(now.jobs), now.running) == (60, 72)


# -- who and how


def test_a_stranger_finds_nothing_and_nobody_goes_to_sign_in(user):
    where = url("live", user)
    assert a_client(a_member()).get(where, headers=HTMX).status_code == 404
    assert "/accounts/login/" in a_client().get(where, headers=HTMX)["HX-Redirect"]


def test_only_reading_is_possible(user):
    assert a_client(user.member).post(url("live", user)).status_code == 405


@pytest.mark.parametrize("name", ["jobs", "overview", "models", "members", "job"])
def test_every_page_asks_while_something_runs_and_only_then(owner, upstream, name):
    job = a_job(owner)
    told = job if name == "job" else None
    assert 'hx-trigger="every 1s"' in get(owner, name, told).content.decode()
    run()
    assert 'id="live"></div>' in get(owner, name, told).content.decode()
