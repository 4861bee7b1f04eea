"""One connection: its page, and what its owners may do with it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from revidweb.catalog.models import Price
from revidweb.connections.models import Connection, Credential
from revidweb.jobs.models import Attempt
from revidweb.lib import clock
from tests.makers import a_client
from tests.upstreams.revidapi import StandIn

from .connections_pages import HTMX, KEY, a_change, a_connection, a_job_there, get, path, post
from .jobs_pages import text

pytestmark = pytest.mark.django_db

NEW_KEY = "sk_live_the_one_that_came_after_it_Zz81"


@pytest.fixture
def upstream(settings):
    with StandIn() as stand_in:
        settings.PRIVATE_HOSTS = frozenset({stand_in.host})
        stand_in.open_account(key=KEY)
        yield stand_in


@pytest.fixture
def connection(owner) -> Connection:
    return a_connection(owner, last_contact_at=clock.now())


@pytest.fixture
def connected(owner, upstream) -> Connection:
    """One that was added through its page."""
    post(owner, "connection_add", name="RevidAPI", base_url=upstream.url, key=KEY)
    return Connection.objects.get(provider="revidapi")


def now(connection: Connection) -> Connection:
    return Connection.objects.select_related("credential").get(pk=connection.pk)


# -- the page


def test_the_page_tells_what_is_known_of_it(owner, connection):
    page = text(get(owner, "connection", connection))
    for words in ("https://upstream.example.com/v1", "sk_live_…9Kd2", "12,480 credits", "Connected", "Read next"):
        assert words in page


def test_changes_stand_with_their_old_and_new_value(owner, connection):
    a_change(connection, old=90, new=1110)
    a_change(connection, "model_added", model="nano-banana-3", key="", server="", old=None, new=None)
    page = text(get(owner, "connection", connection))
    assert "Kling 2.6 1080p-10s-fast · VIP 1 · premium" in page
    assert "nano-banana-3" in page
    assert "Price changed 90 1,110" in page
    assert "Model added – –" in page


def test_a_decided_price_stands_at_the_time_of_its_decision(owner, connection):
    read_at, decided_at = (clock.now() - timedelta(hours=hours) for hours in (5, 1))
    a_change(connection, "held", at=read_at, decided_at=decided_at, is_accepted=True, decided_by="member:x")
    a_change(connection, "gone", at=decided_at - timedelta(hours=1))
    page = get(owner, "connection", connection).content.decode()
    changes = page[page.index('id="changes"') :]
    assert decided_at.isoformat(timespec="seconds") in changes
    assert read_at.isoformat(timespec="seconds") not in changes
    assert changes.index("Accepted") < changes.index("Price gone")


def test_a_connection_without_a_job_leads_on_to_a_first_picture(owner, connected):
    assert "Create a picture" in text(get(owner, "connection", connected))
    there = a_job_there(connected, owner, state="done", ended_at=clock.now())
    Attempt.objects.create(job=there, number=1, connection=connected)
    assert "Create a picture" not in text(get(owner, "connection", connected))


def test_a_connection_in_trouble_leads_to_no_picture(owner, connection):
    Connection.objects.filter(pk=connection.pk).update(trouble="exhausted", trouble_since=clock.now())
    assert "Create a picture" not in text(get(owner, "connection", connection))


def test_many_changes_stand_on_pages(owner, connection):
    for number in range(51):
        a_change(connection, model=f"model-{number:02d}")
    first, second = (get(owner, "connection", connection, query_params={"page": n}) for n in ("1", "2"))
    assert "1–50 of 51" in text(first)
    assert "model-50" in text(first)
    assert "model-00" in text(second)


def test_without_changes_the_page_says_so(owner, connection):
    assert "Nothing has changed since it was connected." in text(get(owner, "connection", connection))


@pytest.mark.parametrize("changes", [0, 40])
def test_the_page_asks_few_questions_however_much_changed(owner, connection, django_assert_max_num_queries, changes):
    for number in range(changes):
        a_change(connection, "held" if number % 2 else "moved", model=f"model-{number}")
        a_job_there(connection, owner)
    client = a_client(owner.member)
    with django_assert_max_num_queries(12):
        client.get(path(owner, "connection", connection))


def test_a_removed_connection_has_no_page(owner):
    gone = a_connection(owner, removed_at=clock.now())
    assert get(owner, "connection", gone).status_code == 404


# -- its health, while it may change by itself


def looked(owner, connection, **query):
    return get(owner, "connection", connection, query_params=query, headers=HTMX).content.decode()


@pytest.mark.parametrize("fields", [{"trouble": "locked"}, {"failing_since": clock.now()}])
def test_a_page_in_trouble_looks_again_by_itself(owner, connection, fields):
    Connection.objects.filter(pk=connection.pk).update(**fields)
    page = get(owner, "connection", connection).content.decode()
    assert "?look=0" in page
    part = looked(owner, connection, look="0")
    assert "<html" not in part
    assert "?look=1" in part
    assert 'id="connection-badge" hx-swap-oob="true"' in part


def test_it_stops_by_itself(owner, connection):
    Connection.objects.filter(pk=connection.pk).update(trouble="locked")
    assert "?look=" not in looked(owner, connection, look="29")
    assert "?look=" not in looked(owner, connection, look="many")
    assert "look=" not in looked(owner, connection, look="29", part="card")


def test_it_stops_when_all_is_well(owner, connection):
    assert "hx-trigger" not in looked(owner, connection, look="3")
    assert "hx-trigger" not in looked(owner, connection, look="3", part="card")


# -- pause, resume


@pytest.mark.parametrize("htmx", [True, False])
def test_it_is_paused_and_resumed(owner, connection, htmx):
    paused = post(owner, "connection_pause", connection, htmx=htmx)
    assert not now(connection).is_enabled
    post(owner, "connection_pause", connection)
    assert not now(connection).is_enabled
    assert paused.status_code == (200 if htmx else 302)
    if htmx:
        assert paused.headers["HX-Retarget"] == "#connection"
        assert "RevidAPI is paused" in text(paused)
    post(owner, "connection_resume", connection, htmx=htmx)
    assert now(connection).is_enabled


# -- name


@pytest.mark.parametrize("htmx", [True, False])
def test_it_is_renamed(owner, connection, htmx):
    answer = post(owner, "connection", connection, htmx=htmx, name="  Night shift ")
    assert now(connection).name == "Night shift"
    assert answer.headers["HX-Redirect" if htmx else "Location"] == path(owner, "connection", connection)


@pytest.mark.parametrize("name", ["", "x" * 81])
@pytest.mark.parametrize("htmx", [True, False])
def test_a_name_that_is_none_is_refused_in_its_dialog(owner, connection, htmx, name):
    answer = post(owner, "connection", connection, htmx=htmx, name=name)
    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()
    assert ("data-dialog-auto" in answer.content.decode()) is not htmx
    assert now(connection).name == "RevidAPI"


# -- key


def replace(owner, connection, upstream, *, htmx=False, **changes):
    return post(owner, "connection_key", connection, htmx=htmx, **{"base_url": upstream.url, "key": NEW_KEY} | changes)


@pytest.mark.parametrize("htmx", [True, False])
def test_a_new_key_takes_the_place_of_the_old_one(owner, connected, upstream, htmx):
    upstream.open_account(key=NEW_KEY, balance=77)
    answer = replace(owner, connected, upstream, htmx=htmx)
    assert answer.status_code == (200 if htmx else 302)
    assert now(connected).credential.hint == "sk_live_…Zz81"
    assert Credential.objects.filter(retired_at__isnull=False).count() == 1
    assert NEW_KEY not in get(owner, "connection", connected).content.decode()


@pytest.mark.parametrize("htmx", [True, False])
def test_a_new_key_that_is_wrong_is_refused_and_the_old_one_stays(owner, connected, upstream, htmx):
    answer = replace(owner, connected, upstream, htmx=htmx)
    assert answer.status_code == 422
    assert "does not take this key" in text(answer)
    assert NEW_KEY not in answer.content.decode()
    assert ("data-dialog-auto" in answer.content.decode()) is not htmx
    assert now(connected).credential.hint == "sk_live_…9Kd2"


def test_another_address_asks_for_the_key_again(owner, connected, upstream):
    answer = replace(owner, connected, upstream, base_url="https://elsewhere.example.com/v1", key="")
    assert answer.status_code == 422
    assert "Paste the key here." in text(answer)
    assert now(connected).credential.base_url == upstream.url


# -- sync


@pytest.mark.parametrize("htmx", [True, False])
def test_models_and_prices_are_read_again_at_once(owner, connected, upstream, htmx):
    upstream.catalog.set_price("image-4.0", "default-fast", 5)
    answer = post(owner, "connection_sync", connected, htmx=htmx)
    assert Price.objects.get(offer__connection=connected, offer__media_model__name="image-4.0").credits == 5
    assert answer.status_code == (200 if htmx else 302)
    assert "Price changed 4 5" in text(get(owner, "connection", connected))


def test_a_sync_that_fails_says_so(owner, connected, upstream):
    upstream.play("html_page", on="models", times=5)
    answer = post(owner, "connection_sync", connected, htmx=True)
    assert "could not be read" in answer.headers["HX-Trigger"]
    assert "Not all of its models and prices" in text(answer)


# -- prices that wait


@pytest.fixture
def held(owner, connected, upstream) -> Price:
    upstream.catalog.set_price("image-4.0", "default-fast", 40)
    post(owner, "connection_sync", connected)
    return Price.objects.get(offer__connection=connected, offer__media_model__name="image-4.0")


def decide(owner, connection, accept, *, htmx=False):
    change = connection.catalog_changes.get(what="held")
    where = f"{path(owner, 'connection', connection)}changes/{change.pk}/"
    return a_client(owner.member).post(where, {"accept": accept}, headers=HTMX if htmx else {})


def test_a_price_that_moved_far_waits_on_the_page(owner, connected, held):
    assert held.waiting_credits == 40
    page = text(get(owner, "connection", connected))
    for words in ("Prices that wait for you", "Accept", "Keep off sale"):
        assert words in page


@pytest.mark.parametrize("htmx", [True, False])
def test_an_accepted_price_goes_on_sale(owner, connected, held, htmx):
    decide(owner, connected, "yes", htmx=htmx)
    held.refresh_from_db()
    assert (held.credits, held.waiting_credits) == (40, None)
    page = text(get(owner, "connection", connected))
    assert "Prices that wait for you" not in page
    assert "Accepted 4 40" in page


def test_a_price_that_is_kept_off_sale_is_not_sold(owner, connected, held):
    decide(owner, connected, "no")
    assert not Price.objects.on_sale(owner.tenant).filter(pk=held.pk).exists()
    assert "Kept off sale 4 40" in text(get(owner, "connection", connected))


def test_a_price_that_is_decided_already_says_so(owner, connected, held):
    decide(owner, connected, "yes")
    answer = decide(owner, connected, "no", htmx=True)
    assert "decided already" in answer.headers["HX-Trigger"]
    held.refresh_from_db()
    assert held.credits == 40


@pytest.mark.parametrize("htmx", [True, False])
def test_all_prices_that_were_seen_are_accepted_at_once(owner, connected, held, upstream, htmx):
    upstream.catalog.set_price("kling-2.6", "720p-5s-fast", 150, server="fast")
    post(owner, "connection_sync", connected)
    upstream.catalog.set_price("veo3.1-fast", "8s-fast", 100)
    seen = [change.pk for change in connected.catalog_changes.filter(what="held")]
    assert "Accept all 2" in text(get(owner, "connection", connected))
    post(owner, "connection_sync", connected)
    answer = a_client(owner.member).post(
        path(owner, "connection_changes", connected), {"change": seen}, headers=HTMX if htmx else {}
    )
    assert answer.status_code == (200 if htmx else 302)
    waiting = Price.objects.filter(offer__connection=connected, waiting_credits__isnull=False)
    assert [price.offer.media_model.name for price in waiting] == ["veo3.1-fast"]


def test_nothing_named_is_nothing_accepted(owner, connected, held):
    a_client(owner.member).post(path(owner, "connection_changes", connected), {"change": ["x", "0"]})
    held.refresh_from_db()
    assert held.waiting_credits == 40


def test_a_change_of_another_connection_is_not_there(owner, connected, held):
    other = a_connection(owner, name="Other", key=NEW_KEY)
    change = connected.catalog_changes.get(what="held")
    where = f"{path(owner, 'connection', other)}changes/{change.pk}/"
    assert a_client(owner.member).post(where, {"accept": "yes"}).status_code == 404


# -- remove


@pytest.mark.parametrize("htmx", [True, False])
def test_it_is_removed_with_its_key(owner, connection, htmx):
    answer = post(owner, "connection_remove", connection, htmx=htmx)
    assert answer.headers["HX-Redirect" if htmx else "Location"] == path(owner)
    assert now(connection).removed_at
    assert not Credential.objects.exclude(sealed="").exists()
    assert get(owner, "connection", connection).status_code == 404


def test_removing_the_last_one_while_previews_are_off_leads_to_their_switch(owner, connected):
    answer = a_client(owner.member).post(path(owner, "connection_remove", connected), follow=True)
    assert answer.redirect_chain[-1][0] == f"{path(owner)}#preview"
    assert "until you switch previews on" in text(answer)
    first = text(a_client(owner.member).get(reverse("overview", args=[owner.tenant.slug])))
    assert "previews are off. Switch previews on or Connect RevidAPI" in first
    assert "these are previews" not in first


@pytest.mark.parametrize("htmx", [True, False])
def test_it_stays_while_something_runs_there(owner, connection, htmx):
    a_job_there(connection, owner)
    answer = post(owner, "connection_remove", connection, htmx=htmx)
    assert now(connection).removed_at is None
    if htmx:
        assert "1 job still runs there" in answer.headers["HX-Trigger"]


def test_the_dialog_leads_to_the_jobs_that_are_in_the_way(owner, connection):
    a_job_there(connection, owner)
    page = get(owner, "connection", connection)
    assert "1 job still runs or waits there" in text(page)
    assert "jobs/?state=moving" in page.content.decode()


# -- who may

DEEDS = ["connection_pause", "connection_resume", "connection_sync", "connection_key", "connection_remove"]


@pytest.mark.parametrize("name", DEEDS)
def test_a_user_does_nothing_with_it(user, owner, connection, name):
    assert post(user, name, connection).status_code == 403


@pytest.mark.parametrize("name", [*DEEDS, "connection"])
def test_a_deed_is_asked_for_by_post(owner, connection, name):
    client = a_client(owner.member)
    assert client.delete(path(owner, name, connection)).status_code == 405
    if name != "connection":
        assert client.get(path(owner, name, connection)).status_code == 405
