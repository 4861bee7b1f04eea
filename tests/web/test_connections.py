"""The list of connections, previews beside it, and the way to a new one."""

from datetime import timedelta

import pytest

from revidweb.accounts.actors import Actor
from revidweb.catalog import connecting
from revidweb.connections.models import PREVIEW, Connection, Credential
from revidweb.jobs.models import Job
from revidweb.lib import clock
from tests.connections.makers import an_account
from tests.lib.servers import LocalServer
from tests.makers import a_client, a_tenant
from tests.processes import a_free_port
from tests.upstreams.revidapi import StandIn

from .connections_pages import HTMX, KEY, a_change, a_connection, a_job_there, get, path, post
from .jobs_pages import text

pytestmark = pytest.mark.django_db


def preview_of(owner: Actor) -> Connection:
    return Connection.objects.get(tenant=owner.tenant, provider=PREVIEW)


def real(owner: Actor) -> list[Connection]:
    return list(Connection.objects.visible_to(owner).exclude(provider=PREVIEW))


# -- the list


def test_before_the_first_connection_there_is_one_thing_to_do(owner):
    page = get(owner)
    assert "Connect RevidAPI" in text(page)
    assert "Add a connection" not in text(page)
    assert f'href="{path(owner, "connection_add")}"' in page.content.decode()


def test_a_card_says_how_its_connection_stands(owner):
    a_connection(owner, last_contact_at=clock.now())
    page = text(get(owner))
    for words in ("RevidAPI", "upstream.example.com", "sk_live_…9Kd2", "Connected", "12,480 credits", "0 of 5"):
        assert words in page
    assert "Last contact" in page
    assert "600 a minute" in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"trouble": "invalid", "trouble_reason": "Invalid API key"},
            ["Key refused", "The key of RevidAPI is refused", "until the key is replaced", "Invalid API key"],
        ),
        ({"trouble": "exhausted"}, ["Out of credits", "Top it up there"]),
        ({"trouble": "locked"}, ["Account locked", "Ask there why"]),
        ({"failure": "timed out", "failing_since": clock.now()}, ["Not reached", "tried again", "timed out", "since"]),
        ({"is_enabled": False, "disabled_at": clock.now()}, ["Paused", "Nothing new is sent there", "since"]),
        ({"synced_at": None, "sync_failure": "HTML"}, ["First sync failed", "Nothing can be made there", "HTML"]),
        ({"synced_at": None}, ["Reading its models"]),
        ({"sync_failure": "HTML (524)"}, ["Connected", "Not all of its models and prices", "HTML (524)"]),
    ],
)
def test_a_connection_that_does_not_work_says_why_since_when_and_what_to_do(owner, fields, words):
    connection = a_connection(owner)
    Connection.objects.filter(pk=connection.pk).update(**fields)
    page = text(get(owner))
    assert [word for word in words if word not in page] == []


def test_slots_count_ours_and_what_runs_there_besides(owner):
    connection = a_connection(owner, foreign_total=1, foreign_video=1)
    a_job_there(connection, owner)
    a_job_there(connection, owner, state="queued")
    page = text(get(owner))
    for words in ("All 2 of 5 · 1 not from here", "Images 1 of 3", "Videos 1 of 3", "Waiting 1 job"):
        assert words in page


def test_prices_that_wait_and_what_changed_lately_stand_on_the_card(owner):
    connection = a_connection(owner)
    a_change(connection, "held", new=400)
    a_change(connection, at=clock.now() - timedelta(days=6))
    a_change(connection, at=clock.now() - timedelta(days=8))
    page = text(get(owner))
    assert "1 price moved so far that it waits for you" in page
    assert "1 change in the last 7 days" in page


def test_removed_connections_and_those_of_others_are_not_shown(owner):
    a_connection(owner, name="Gone", removed_at=clock.now())
    an_account(a_tenant(), name="Theirs")
    page = text(get(owner))
    assert "Gone" not in page
    assert "Theirs" not in page


def test_a_name_of_markup_is_shown_as_text(owner):
    a_connection(owner, name="<b>Main</b>", trouble="locked", trouble_reason="<script>x</script>")
    page = get(owner).content.decode()
    assert "<b>Main</b>" not in page
    assert "<script>x" not in page


@pytest.mark.parametrize("count", [1, 6])
def test_the_list_asks_few_questions_however_many_there_are(owner, django_assert_max_num_queries, count):
    for number in range(count):
        a_job_there(a_connection(owner, name=f"Account {number}", key=f"{KEY}{number}"), owner)
    client = a_client(owner.member)
    with django_assert_max_num_queries(12):
        client.get(path(owner))


def test_only_a_card_that_may_mend_itself_asks_again(owner):
    a_connection(owner, last_contact_at=clock.now())
    assert "part=card" not in get(owner).content.decode()
    a_connection(owner, name="Other", key=f"{KEY}2", trouble="exhausted")
    assert get(owner).content.decode().count("part=card") == 1


def test_a_user_has_no_such_page(user):
    assert get(user).status_code == 403
    assert "Connections" not in text(get(user, "overview"))


# -- previews


def test_previews_are_on_until_somebody_says_otherwise(owner):
    page = get(owner)
    assert "Offer previews" in text(page)
    assert "checked" in page.content.decode()


@pytest.mark.parametrize("htmx", [True, False])
def test_previews_are_switched_off_and_on_again(owner, htmx):
    off = post(owner, "preview_switch", htmx=htmx)
    assert not preview_of(owner).is_enabled
    assert off.status_code == (200 if htmx else 302)
    assert ("Previews are off." in off.headers.get("HX-Trigger", "")) == htmx
    post(owner, "preview_switch", htmx=htmx, on="yes")
    assert preview_of(owner).is_enabled


def test_previews_beside_a_real_connection_say_why_they_are_off(owner):
    a_connection(owner)
    Connection.objects.filter(pk=preview_of(owner).pk).update(is_enabled=False)
    assert "switched off because there is a real connection" in text(get(owner))


def test_the_preview_has_no_page_of_its_own(owner):
    assert get(owner, "connection", preview_of(owner)).status_code == 404


# -- a new one


@pytest.fixture
def upstream(settings):
    with StandIn() as stand_in:
        settings.PRIVATE_HOSTS = frozenset({stand_in.host})
        yield stand_in


def connect(owner, upstream, *, htmx=False, **changes):
    sent = {"name": "RevidAPI", "base_url": upstream.url, "key": KEY} | changes
    return post(owner, "connection_add", htmx=htmx, **sent)


def test_the_form_suggests_a_name_and_an_address(owner):
    page = get(owner, "connection_add").content.decode()
    assert 'value="RevidAPI"' in page
    assert 'value="https://ai.revidapi.com/v1"' in page
    a_connection(owner)
    assert 'value="RevidAPI 2"' in get(owner, "connection_add").content.decode()


def test_the_key_is_typed_unseen_and_kept_by_no_browser(owner):
    page = get(owner, "connection_add").content.decode()
    field = page[page.index('name="key"') - 40 :][:200]
    assert 'type="password"' in field
    assert 'autocomplete="off"' in field


@pytest.mark.parametrize("htmx", [True, False])
def test_a_checked_key_becomes_a_connection_that_can_be_used_at_once(owner, upstream, htmx):
    upstream.open_account(balance=1234, key=KEY, total=7)
    answer = connect(owner, upstream, htmx=htmx)
    (connection,) = real(owner)
    assert answer.headers["HX-Redirect" if htmx else "Location"] == path(owner, "connection", connection)
    assert (connection.balance, connection.total_slots) == (1234, 7)
    assert connection.synced_at
    assert connection.offers.filter(is_available=True).exists()
    assert not preview_of(owner).is_enabled


def test_the_key_is_sealed_and_on_no_page(owner, upstream):
    upstream.open_account(key=KEY)
    connect(owner, upstream)
    credential = Credential.objects.get()
    assert KEY not in credential.sealed
    for page in (get(owner), get(owner, "connection", credential.connection)):
        assert KEY not in page.content.decode()


def test_a_form_that_is_refused_as_a_whole_takes_the_focus_from_nothing(owner, upstream, monkeypatch):
    assert "autofocus" in get(owner, "connection_add").content.decode()
    monkeypatch.setattr(connecting, "MOST", 0)
    refused = connect(owner, upstream, htmx=True)
    assert refused.status_code == 422
    assert "autofocus" not in refused.content.decode()


def test_the_same_key_twice_is_one_connection(owner, upstream):
    upstream.open_account(key=KEY)
    connect(owner, upstream)
    again = connect(owner, upstream, htmx=True)
    assert again.status_code == 422
    assert "Another connection uses this key already." in text(again)
    assert len(real(owner)) == 1


def wrong_key(upstream, settings):
    return {}, "key", "does not take this key"


def disabled_key(upstream, settings):
    upstream.open_account(key=KEY).disable(KEY)
    return {}, "key", "does not take this key"


def nobody_there(upstream, settings):
    host = f"127.0.0.1:{a_free_port()}"
    settings.PRIVATE_HOSTS |= {host}
    return {"base_url": f"http://{host}/v1"}, "base_url", "gave no answer"


def private_address(upstream, settings):
    return {"base_url": "http://10.0.0.7:9000/v1"}, "base_url", "10.0.0.7 is not an address on the open internet"


def open_address(upstream, settings):
    return {"base_url": "http://ai.revidapi.com/v1"}, "base_url", "https://"


def no_address(upstream, settings):
    return {"base_url": "see the docs"}, "base_url", "This is no address of an API."


def another_page(upstream, settings):
    return {"base_url": f"{upstream.origin}/elsewhere"}, "base_url", "is not this provider"


def no_path(upstream, settings):
    return {"base_url": upstream.origin}, "base_url", "it usually ends in /v1"


def nothing_written(upstream, settings):
    return {"key": " "}, "key", "Paste the key"


def no_name(upstream, settings):
    return {"name": ""}, "name", "Give the connection a name."


CASES = [
    *(wrong_key, disabled_key, nobody_there, private_address, open_address, no_address, another_page, no_path),
    *(nothing_written, no_name),
]


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_is_wrong_stands_at_its_field_and_the_key_is_not_sent_back(owner, upstream, settings, case, htmx):
    changes, field, words = case(upstream, settings)
    answer = connect(owner, upstream, htmx=htmx, **changes)
    assert answer.status_code == 422
    assert words in " ".join(answer.context["form"].errors[field])
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert KEY not in answer.content.decode()
    assert real(owner) == []
    assert preview_of(owner).is_enabled


def test_a_machine_of_ones_own_is_let_in_by_a_setting(owner, upstream):
    page = text(connect(owner, upstream, htmx=True, base_url="http://localhost:9000/v1"))
    assert "PRIVATE_HOSTS=localhost:9000" in page


def test_in_production_only_the_operator_is_told_of_that_setting(owner, upstream, settings):
    settings.IS_EMBEDDED = False
    assert "PRIVATE_HOSTS" not in text(connect(owner, upstream, base_url="http://localhost:9000/v1"))
    owner.member.person.is_staff = True
    owner.member.person.save()
    assert "PRIVATE_HOSTS=localhost:9000" in text(connect(owner, upstream, base_url="http://localhost:9000/v1"))


def test_a_server_that_is_no_revidapi_says_so(owner, upstream, settings):
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>"
    server = LocalServer()
    server.answers = {"/v1/models": page}
    settings.PRIVATE_HOSTS |= {server.host}
    try:
        answer = connect(owner, upstream, base_url=server.url("/v1"))
    finally:
        server.close()
    assert "is not this provider" in text(answer)


def test_a_user_connects_nothing(user, upstream):
    assert connect(user, upstream).status_code == 403
    assert upstream.calls == []


# -- what waits says why


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"trouble": "exhausted"}, "RevidAPI takes no orders at the moment"),
        ({"failing_since": clock.now()}, "RevidAPI is not reached at the moment"),
    ],
)
def test_create_and_the_job_say_what_a_job_waits_for(owner, user, upstream, fields, words):
    upstream.open_account(key=KEY)
    connect(owner, upstream)
    (connection,) = real(owner)
    Connection.objects.filter(pk=connection.pk).update(**fields)
    job = a_job_there(connection, user, state="queued")
    for actor, is_told_where in ((owner, True), (user, False)):
        client = a_client(actor.member)
        create = client.get(f"/t/{owner.tenant.slug}/create/image/")
        told = client.get(f"/t/{owner.tenant.slug}/jobs/{job.public_id}/")
        for page in (create, told):
            assert words in text(page)
            assert ("Look at the connection" in text(page)) == is_told_where


@pytest.mark.parametrize(("trouble", "words"), [("exhausted", "waiting for RevidAPI"), ("", "waiting for a slot")])
def test_a_job_in_line_says_what_it_waits_for(owner, trouble, words):
    connection = a_connection(owner, trouble=trouble)
    job = a_job_there(connection, owner, state="queued")
    page = text(get(owner, "overview"))
    assert f"{job.prompt} {words}" in page


def test_create_says_nothing_while_all_is_well(owner, upstream):
    upstream.open_account(key=KEY)
    connect(owner, upstream)
    page = text(a_client(owner.member).get(f"/t/{owner.tenant.slug}/create/image/"))
    assert "at the moment" not in page


def test_a_job_names_its_connection_and_leads_those_there_who_may_mend_it(owner, user):
    connection = a_connection(owner)
    job = a_job_there(connection, user)
    where = path(owner, "connection", connection)
    pages = {who: a_client(who.member).get(f"/t/{owner.tenant.slug}/jobs/{job.public_id}/") for who in (owner, user)}
    assert all("Connection RevidAPI" in text(page) for page in pages.values())
    assert where in pages[owner].content.decode()
    assert where not in pages[user].content.decode()


def test_a_success_that_came_too_late_is_told(owner, user):
    connection = a_connection(owner)
    job = a_job_there(connection, user)
    Job.objects.filter(pk=job.pk).update(
        state="failed", ended_at=clock.now(), late_at=clock.now(), late_results=["https://cdn.example.com/1.png"]
    )
    page = text(a_client(user.member).get(f"/t/{owner.tenant.slug}/jobs/{job.public_id}/"))
    assert "RevidAPI finished this after the job had failed" in page
    assert "nobody here was charged" in page


def test_an_uncertain_cost_is_called_so(owner):
    connection = a_connection(owner)
    job = a_job_there(connection, owner, state="unknown")
    job.attempts.create(
        number=1,
        connection=connection,
        state="lost",
        answered_at=clock.now(),
        upstream_cost_micros=4_000_000,
        is_cost_uncertain=True,
    )
    page = text(a_client(owner.member).get(f"/t/{owner.tenant.slug}/jobs/{job.public_id}/"))
    assert "up to 4 credits" in page
    assert "The cost at the provider is uncertain" in page


def test_headers_of_htmx_alone_change_no_answer(owner):
    a_connection(owner)
    assert "<html" in get(owner, headers=HTMX).content.decode()
