"""The table of jobs as a file: what is on screen, on all its pages."""

import pytest
from django.test import Client
from django.urls import reverse

from revidweb.accounts import tenants
from revidweb.accounts.actors import Actor
from revidweb.jobs import listing
from revidweb.jobs.models import Job
from tests import makers
from tests.keys.makers import a_key
from tests.library.makers import an_output

from .exports import rows
from .jobs_pages import a_job, a_user, get
from .key_sessions import a_key_client

pytestmark = pytest.mark.django_db


def export(actor: Actor, query: str = "") -> list[dict[str, str]]:
    return rows(get(actor, "jobs_export", query=query))


def test_every_page_s_jobs_are_in_it_newest_first(owner, monkeypatch):
    monkeypatch.setattr(listing, "PER_PAGE", 2)
    jobs = [a_job(owner, f"Boat {number}") for number in range(5)]
    assert [row["job"] for row in export(owner)] == [job.public_id for job in reversed(jobs)]


def test_a_row_tells_what_was_asked_what_came_of_it_and_what_it_cost(owner):
    person = owner.in_person.person
    job = a_job(owner, "=cmd|' /C calc'!A0")
    Job.objects.filter(pk=job.pk).update(created_at="2026-03-08T06:30:00Z", started_at="2026-03-08T07:30:00Z")
    tenants.change(owner, name="Studio", time_zone="America/New_York", accent="")
    (row,) = export(owner)
    assert row == {
        "job": job.public_id,
        "state": "queued",
        "kind": "image",
        "mode": "t2i",
        "model": "image-4.0",
        "prompt": "'=cmd|' /C calc'!A0",
        "member": person.name,
        "member_email": person.email,
        "key": "",
        "credits": "0",
        "held": "4",
        "server": job.server,
        "created_at": "2026-03-08T01:30:00-05:00",
        "started_at": "2026-03-08T03:30:00-04:00",
        "ended_at": "",
        "took_s": "",
        "error_code": "",
        "error": "",
    }


def test_what_is_done_says_what_was_charged_and_how_long_it_took(user):
    an_output(user.member)
    (row,) = export(user)
    assert (row["state"], row["held"]) == ("done", "0")
    assert row["credits"] == str(Job.objects.get().hold.captured)


def test_the_filters_of_the_page_hold(owner, user):
    a_job(owner, "Paper boats"), a_job(owner, "Tin cars"), a_job(user, "Paper cranes")
    assert {row["prompt"] for row in export(owner, "?search=paper")} == {"Paper boats", "Paper cranes"}
    assert [row["prompt"] for row in export(owner, f"?member={user.member.public_id}")] == ["Paper cranes"]
    assert export(owner, "?state=failed") == []


def test_a_user_gets_their_own_and_nothing_of_who_made_what(owner, user):
    a_job(owner, "Not theirs"), a_job(user, "Theirs")
    (row,) = export(user)
    assert row["prompt"] == "Theirs"
    assert "member" not in row


def test_a_key_gets_what_it_asked_for(owner):
    issued = a_key(owner.member)
    a_job(owner, "Not by the key")
    answer = a_key_client(issued.secret).get(reverse("jobs_export", args=[""]))
    assert rows(answer) == []


def test_it_is_a_download_with_the_tenant_and_the_day_in_its_name(owner, time_machine):
    tenants.change(owner, name="Studio", time_zone="Asia/Tokyo", accent="")
    time_machine.move_to("2026-03-07T16:00:00Z", tick=False)
    answer = get(owner, "jobs_export")
    assert answer["Content-Disposition"] == f'attachment; filename="{owner.tenant.slug}-jobs-2026-03-08.csv"'
    assert "no-store" in answer["Cache-Control"]


def test_for_excel_it_begins_with_a_mark(owner):
    assert b"".join(get(owner, "jobs_export", query="?bom=1").streaming_content).startswith(b"\xef\xbb\xbfjob,state,")
    assert b"".join(get(owner, "jobs_export").streaming_content).startswith(b"job,state,")


def test_nothing_on_the_way_holds_the_stream_back(owner):
    answer = get(owner, "jobs_export", **{"Accept-Encoding": "gzip"})
    assert answer.streaming
    assert not answer.has_header("Content-Encoding")


def test_of_a_head_nothing_is_read(owner):
    answer = makers.a_client(owner.member).head(reverse("jobs_export", args=[owner.tenant.slug]))
    assert (answer.status_code, answer.content, answer.streaming) == (200, b"", False)


def test_the_page_offers_it_with_its_filters(owner):
    a_job(owner)
    page = get(owner, "jobs", query="?kind=image&search=boats").content.decode()
    here = reverse("jobs_export", args=[owner.tenant.slug])
    assert f'href="{here}?kind=image&amp;search=boats"' in page
    assert f'href="{here}?kind=image&amp;search=boats&amp;bom=1"' in page


def test_an_empty_page_offers_none(owner):
    assert "export.csv" not in get(owner, "jobs").content.decode()


def test_somebody_signed_out_goes_to_sign_in(owner):
    answer = Client().get(reverse("jobs_export", args=[owner.tenant.slug]))
    assert answer.status_code == 302


def test_another_s_filters_find_nothing(owner, user):
    other = a_user(owner)
    a_job(user)
    assert export(other, f"?member={user.member.public_id}") == []
