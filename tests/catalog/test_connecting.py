import pytest

from revidweb.accounts.models import Role
from revidweb.catalog import connecting, loading, quoting
from revidweb.catalog.models import CatalogChange, Offer
from revidweb.connections import budget, preview, switching, trying
from revidweb.connections.models import Connection, Credential
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.base import AccountRefused, Limits, OutcomeUnknown, ProviderBusy, ProviderRefused
from revidweb.trail.models import TrailRow
from tests.connections.makers import BASE_URL, Told, a_row, a_told, an_account
from tests.makers import an_actor

from .makers import an_order

pytestmark = pytest.mark.django_db

KEY = "sk_live_4f0zq8w2m1n7b5v3ab12"


@pytest.fixture
def owner():
    return an_actor(role=Role.OWNER)


@pytest.fixture
def upstream(monkeypatch):
    told = Told()
    told.says["models"] = [a_told("flux-2-pro", a_row("1k-fast", 14))]
    told.says["limits"] = Limits(8, 4, 5)
    monkeypatch.setattr(registry, "provider", lambda name: told)
    return told


def _connect(actor, **asked):
    return connecting.connect(
        actor, **{"provider": "revidapi", "name": "Main", "base_url": BASE_URL + "/", "key": f" {KEY}"} | asked
    )


def _refusal(deed, *args, **asked):
    with pytest.raises(Refusal) as refused:
        deed(*args, **asked)
    return refused.value.code, refused.value.field


def test_a_connection_is_usable_at_once(owner, upstream):
    loading.load()
    made = _connect(owner)
    connection = Connection.objects.usable().get(pk=made.pk)
    assert (connection.name, connection.tenant) == ("Main", owner.tenant)
    assert (connection.balance, connection.total_slots, connection.image_slots, connection.video_slots) == (
        970,
        8,
        4,
        5,
    )
    assert (connection.account.key, connection.account.base_url) == (KEY, BASE_URL)
    assert connection.last_contact_at is not None
    assert quoting.quote(owner.tenant, an_order("flux-2-pro")).credits == 14
    assert not CatalogChange.objects.exists()


def test_the_trail_tells_who_added_it_and_no_secret(owner, upstream):
    connection = _connect(owner)
    row = TrailRow.objects.get(about=connection.reference)
    assert (row.what, row.actor) == ("connection.added", owner.name)
    assert row.facts == {
        "provider": "revidapi",
        "name": "Main",
        "host": "upstream.example.com",
        "key": "sk_live_…ab12",
    }
    kept = "".join(str(list(model.objects.values())) for model in (Connection, Credential, TrailRow))
    assert KEY not in kept


def test_the_first_account_switches_preview_off_and_a_later_one_does_not(owner, upstream):
    shown = preview.open_at(owner.tenant)
    _connect(owner)
    shown.refresh_from_db()
    assert not shown.is_enabled
    switching.show_preview(owner, on=True)
    _connect(owner, key="sk_live_another_0123456789")
    shown.refresh_from_db()
    assert shown.is_enabled


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"name": "  "}, ("connection_name_needed", "name")),
        ({"name": "x" * 81}, ("name_too_long", "name")),
        ({"name": "a\x00b"}, ("connection_name_needed", "name")),
        ({"base_url": "nonsense://"}, ("bad_address", "base_url")),
        ({"base_url": "https://192.168.1.4/v1"}, ("private_address", "base_url")),
        ({"base_url": "http://upstream.example.com/v1"}, ("plain_http", "base_url")),
        ({"key": ""}, ("key_needed", "key")),
        ({"key": "two words"}, ("bad_key", "key")),
    ],
)
def test_what_the_text_shows_is_refused_before_anybody_is_asked(owner, upstream, asked, refusal):
    assert _refusal(_connect, owner, **asked) == refusal
    assert upstream.asked == []


@pytest.mark.parametrize("provider", ["nobody", "preview"])
def test_only_a_provider_with_accounts_can_be_connected(owner, provider):
    assert _refusal(_connect, owner, provider=provider) == ("unknown_provider", "provider")


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (AccountRefused("Invalid API key", code="invalid"), ("wrong_key", "key")),
        (AccountRefused("Pay", code="exhausted"), ("key_exhausted", "key")),
        (AccountRefused("Locked", code="locked"), ("key_locked", "key")),
        (ProviderBusy("Connection refused", code="unreachable"), ("unreachable", "base_url")),
        (OutcomeUnknown("Timed out"), ("unreachable", "base_url")),
        (ProviderBusy("Too many requests", code="rate"), ("provider_busy", "base_url")),
        (ProviderRefused("HTML", code="not_the_provider"), ("not_the_provider", "base_url")),
        (Refusal("private_address", host="rebound.example.com"), ("private_address", "base_url")),
    ],
)
def test_a_key_is_tried_before_anything_is_kept(owner, upstream, error, refusal):
    upstream.says["check"] = error
    assert _refusal(_connect, owner) == refusal
    assert not Connection.objects.exists()
    assert not Credential.objects.exists()
    assert not TrailRow.objects.exists()


def test_an_account_that_does_not_tell_its_balance_is_connected_all_the_same(owner, upstream):
    upstream.says["balance"] = OutcomeUnknown("Timed out")
    connection = _connect(owner)
    assert (connection.balance, connection.total_slots) == (0, 5)
    assert connection.next_check_at <= clock.now()


def test_a_second_click_adds_nothing(owner, upstream):
    _connect(owner)
    assert _refusal(_connect, owner, name="Again") == ("connection_exists", "key")
    assert Connection.objects.count() == 1
    assert Offer.objects.count() == 1


def test_only_who_manages_connections_connects(owner, upstream):
    user = an_actor(owner.tenant)
    connection = an_account(owner.tenant)
    assert _refusal(_connect, user) == ("not_allowed", "")
    assert _refusal(connecting.replace_key, user, connection, base_url=BASE_URL, key=KEY) == ("not_allowed", "")
    assert _refusal(connecting.rename, user, connection, name="Mine") == ("not_allowed", "")
    assert upstream.asked == []


# -- another key


def test_a_new_key_is_tried_and_used_and_the_old_one_retires(owner, upstream):
    connection = _connect(owner)
    before = connection.credential
    Connection.objects.update(trouble="invalid", trouble_since=clock.now())
    upstream.says["models"] = [a_told("flux-2-pro", a_row("1k-fast", 15))]
    new = connecting.replace_key(
        owner, connection, base_url="https://other.example.com/v1", key="sk_live_new_0123456789"
    )
    new.refresh_from_db()
    assert (new.account.base_url, new.account.key) == ("https://other.example.com/v1", "sk_live_new_0123456789")
    assert new.trouble == ""
    before.refresh_from_db()
    assert before.retired_at is not None
    assert before.sealed
    assert [change.what for change in CatalogChange.objects.all()] == ["moved"]
    assert TrailRow.objects.filter(what="connection.key_replaced").count() == 1


def test_a_new_key_that_is_refused_leaves_the_old_one_in_use(owner, upstream):
    connection = _connect(owner)
    upstream.says["check"] = AccountRefused("Invalid API key", code="invalid")
    asked = {"base_url": BASE_URL, "key": "sk_live_new_0123456789"}
    assert _refusal(connecting.replace_key, owner, connection, **asked) == ("wrong_key", "key")
    connection.refresh_from_db()
    assert connection.account.key == KEY
    assert connection.credentials.count() == 1


def test_another_address_asks_for_the_key_again(owner, upstream):
    connection = _connect(owner)
    asked = {"base_url": "https://other.example.com/v1", "key": ""}
    assert _refusal(connecting.replace_key, owner, connection, **asked) == ("key_needed", "key")


def test_the_key_of_another_connection_is_refused(owner, upstream):
    _connect(owner)
    second = _connect(owner, key="sk_live_another_0123456789")
    asked = {"base_url": BASE_URL, "key": KEY}
    assert _refusal(connecting.replace_key, owner, second, **asked) == ("connection_exists", "key")
    assert Connection.objects.get(pk=second.pk).account.key == "sk_live_another_0123456789"


def test_what_is_not_the_tenants_or_was_removed_takes_no_key(owner, upstream):
    connection = _connect(owner)
    stranger = an_actor(role=Role.OWNER)
    asked = {"base_url": BASE_URL, "key": "sk_live_new_0123456789"}
    assert _refusal(connecting.replace_key, stranger, connection, **asked) == ("connection_removed", "")
    upstream.meanwhile = lambda: Connection.objects.update(removed_at=clock.now())
    assert _refusal(connecting.replace_key, owner, connection, **asked) == ("connection_removed", "")
    assert connection.credentials.count() == 1


# -- another name


def test_it_can_be_called_something_else(owner, upstream):
    connection = _connect(owner)
    for _ in range(2):
        connecting.rename(owner, connection, name="  Second   account ")
    connection.refresh_from_db()
    assert connection.name == "Second account"
    row = TrailRow.objects.get(what="connection.renamed")
    assert row.facts == {"before": "Main", "name": "Second account"}
    assert _refusal(connecting.rename, owner, connection, name="") == ("connection_name_needed", "name")
    stranger = an_actor(role=Role.OWNER)
    connecting.rename(stranger, connection, name="Taken")
    assert Connection.objects.get().name == "Second account"


def test_a_tenant_has_so_many_connections_at_most(owner, upstream, monkeypatch):
    monkeypatch.setattr(connecting, "MOST", 1)
    _connect(owner)
    code = _refusal(_connect, owner, key="sk_live_another_one_of_theirs")
    assert code == ("too_many_connections", "")
    _connect(an_actor(role=Role.OWNER))


def test_reading_now_takes_a_turn_like_trying_a_key(owner, upstream, monkeypatch):
    connection = _connect(owner)
    monkeypatch.setattr(trying, "MOST_OF_A_TENANT", 0)
    assert _refusal(connecting.read_now, owner, connection) == ("tries_under_way", "")
    assert _refusal(_connect, owner, key="sk_live_another_one_of_theirs") == ("tries_under_way", "")
    with pytest.raises(Refusal, match="not_allowed"):
        connecting.read_now(an_actor(owner.tenant), connection)


def test_what_a_new_key_was_asked_counts_and_a_person_who_reads_leaves_half(owner, upstream):
    connection = _connect(owner)
    asked = upstream.requests.check + upstream.requests.account
    assert Credential.objects.get().tokens == budget.burst() - asked
    Credential.objects.update(tokens=51, refilled_at=clock.after(60))
    assert not connecting.read_now(owner, Connection.objects.get(pk=connection.pk))
    Credential.objects.update(tokens=52)
    assert connecting.read_now(owner, Connection.objects.get(pk=connection.pk))
