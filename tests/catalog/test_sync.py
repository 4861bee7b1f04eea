from functools import partial

import pytest

from revidweb.accounts.models import Role
from revidweb.catalog import listing, loading, params, placing, quoting, sync
from revidweb.catalog.models import Alias, CatalogChange, MediaModel, Offer, Price
from revidweb.connections import budget, credentials, preview, trying
from revidweb.connections.models import Connection, Credential
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.base import AccountRefused, Kind, OutcomeUnknown, ProviderBusy
from revidweb.trail.models import TrailRow
from tests.connections.makers import BASE_URL, Told, a_key, a_row, a_told, an_account
from tests.makers import a_tenant, an_actor

from .makers import a_stocked_tenant, an_order

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _catalogue(db):
    loading.load()


@pytest.fixture
def owner():
    return an_actor(role=Role.OWNER)


@pytest.fixture
def connection(owner):
    return an_account(owner.tenant, synced_at=None)


@pytest.fixture
def upstream(monkeypatch):
    told = Told()
    told.says["models"] = [a_told()]
    monkeypatch.setattr(registry, "provider", lambda name: told)
    return told


def _write(connection, *models):
    """What a reading changes, as (what, key, old, new)."""
    return [(one.what, one.key, one.old, one.new) for one in sync.write(connection, list(models))]


def _known(connection, *models):
    """A connection that was read once already."""
    _write(connection, *models)
    return connection


def _credits(connection, **chosen):
    """What one picture of flux-2-pro costs now; None where it is not on sale."""
    try:
        return quoting.quote(connection.tenant, an_order("flux-2-pro", **chosen)).credits
    except Refusal:
        return None


# -- what is written


def test_a_first_reading_writes_offers_and_is_no_news(connection):
    assert _write(connection, a_told("flux-2-pro", a_row("1k-fast", 14), a_row("2k-fast", 18))) == []
    offer = Offer.objects.get(connection=connection)
    assert (offer.media_model.name, offer.upstream_model) == ("flux-2-pro", "flux-2-pro")
    assert list(offer.prices.order_by("credits").values_list("credits", "is_estimate")) == [(14, False), (18, False)]
    assert (connection.synced_at is not None, connection.sync_failure) == (True, "")
    assert Connection.objects.usable().filter(pk=connection.pk).exists()
    assert not CatalogChange.objects.exists()
    assert not TrailRow.objects.exists()


def test_a_second_reading_of_the_same_changes_nothing(connection):
    models = [a_told("flux-2-pro", a_row("1k-fast", 14)), a_told("brand-new")]
    _write(connection, *models)
    before = [list(model.objects.order_by("pk").values()) for model in (MediaModel, Offer, Price)]
    assert _write(connection, *models) == []
    assert [list(model.objects.order_by("pk").values()) for model in (MediaModel, Offer, Price)] == before


def test_every_difference_is_kept_with_old_and_new(connection):
    _known(connection, a_told("flux-2-pro", a_row("1k-fast", 14), a_row("2k-fast", 18)), a_told("imagen-4"))
    changes = _write(
        connection, a_told("flux-2-pro", a_row("1k-fast", 15), a_row("1k-slow", 9)), a_told("nano-banana-2")
    )
    assert changes == [
        ("moved", "1k-fast", 14, 15),
        ("added", "1k-slow", None, 9),
        ("gone", "2k-fast", 18, None),
        ("model_added", "", None, None),
        ("model_gone", "", None, None),
    ]
    kept = CatalogChange.objects.filter(connection=connection)
    assert {one.model for one in kept} == {"flux-2-pro", "nano-banana-2", "imagen-4"}
    assert TrailRow.objects.get(what="catalog.changed").facts == {"changes": 5, "waiting": 0}


def test_what_vanishes_is_switched_off_and_comes_back(connection):
    both = a_told("flux-2-pro", a_row("1k-fast", 14), a_row("2k-fast", 18))
    _known(connection, both)
    _write(connection, a_told("flux-2-pro", a_row("1k-fast", 14)))
    assert _credits(connection, resolution="2k") is None
    assert _write(connection, both) == [("added", "2k-fast", None, 18)]
    assert _credits(connection, resolution="2k") == 18
    assert _write(connection, a_told("imagen-4")) == [("model_added", "", None, None), ("model_gone", "", None, None)]
    assert _credits(connection) is None
    assert _write(connection, both)[0] == ("model_added", "", None, None)
    assert _credits(connection) == 14
    assert Price.objects.filter(offer__media_model__name="flux-2-pro").count() == 2


def test_one_tenants_reading_changes_no_other_tenants_prices(connection):
    other = _known(an_account(synced_at=None), a_told("flux-2-pro", a_row("1k-fast", 14)))
    shown = a_stocked_tenant()
    before = list(Price.objects.order_by("pk").values())
    _known(connection, a_told("flux-2-pro", a_row("1k-fast", 99), name="Stolen", notes="Mine"))
    _write(connection, a_told("imagen-4"))
    assert list(Price.objects.exclude(offer__connection=connection).order_by("pk").values()) == before
    assert _credits(other) == 14
    assert listing.models(shown)[0].title == "Flux 2 Pro"


def test_what_is_left_out_is_named(connection):
    _write(connection, a_told("flux-2-pro", a_row("1k-fast", 0), a_row("2k-fast", 18)), a_told("x" * 90))
    assert connection.sync_failure.startswith("Left out (2): flux-2-pro: 1k-fast costs 0; ")
    assert connection.synced_at is not None
    _write(connection, a_told("flux-2-pro"))
    assert connection.sync_failure == ""


def test_a_long_list_of_what_is_left_out_stays_short(connection):
    _write(connection, *(a_told(f"{n}" + "x" * 90) for n in range(50)))
    assert len(connection.sync_failure) <= 300
    assert "; …" in connection.sync_failure


# -- which model it is


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Flux-2-Pro", "flux-2-pro"),
        ("veo-3.1", "veo3.1-low"),
        ("imagen-4.0", "image-4.0"),
        ("KLING-3.0", "kling-3.0-video"),
    ],
)
def test_an_id_that_the_house_knows_is_an_offer_of_that_model(connection, told, name):
    kind = MediaModel.objects.get(name=name).kind
    count = MediaModel.objects.count()
    _write(connection, a_told(told, kind=kind))
    offer = Offer.objects.get(connection=connection)
    assert (offer.media_model.name, offer.upstream_model) == (name, told)
    assert MediaModel.objects.count() == count


def test_an_unknown_id_becomes_a_model_of_its_own(connection):
    _write(connection, a_told("Flux-9", a_row(), name="Flux Nine"), a_told("dance-1", kind="motion-control"))
    model = MediaModel.objects.get(name="flux-9")
    assert (model.title, model.kind, model.is_offered, model.is_told) == ("Flux Nine", Kind.IMAGE, True, True)
    assert quoting.quote(connection.tenant, an_order("FLUX-9")).offer.upstream_model == "Flux-9"
    assert not MediaModel.objects.get(name="dance-1").is_offered


def test_others_do_not_see_a_model_that_only_one_tenant_told_of(connection):
    _write(connection, a_told("flux-9"))
    other = a_tenant()
    for known in (listing.models, listing.offered):
        assert "flux-9" in {model.name for model in known(connection.tenant)}
        assert "flux-9" not in {model.name for model in known(other)}
    _write(an_account(other, synced_at=None), a_told("flux-9", name="Another title"))
    assert {model.title for model in listing.models(other) if model.name == "flux-9"} == {"Flux-9"}
    Connection.objects.filter(tenant=other).update(removed_at=clock.now())
    assert "flux-9" not in {model.name for model in listing.models(other)}


def test_an_unknown_id_without_a_kind_is_left_out(connection):
    _write(connection, a_told("flux-9", kind=""), a_told("imagen-4", kind=""))
    assert "flux-9" in connection.sync_failure
    assert list(Offer.objects.values_list("media_model__name", flat=True)) == ["imagen-4"]


def test_an_id_of_another_kind_than_the_house_knows_is_left_out(connection):
    _write(connection, a_told("flux-2-pro", kind="video"))
    assert not Offer.objects.exists()
    assert "flux-2-pro" in connection.sync_failure


def test_a_model_counts_before_its_alias_in_any_order(connection):
    alias, own = a_told("veo-3.1", a_row(credits=99), kind="video"), a_told("veo3.1-low", kind="video")
    for models in ([alias, own], [own, alias]):
        _write(connection, *models)
        assert Offer.objects.get(connection=connection).upstream_model == "veo3.1-low"


def test_an_alias_with_parameters_is_covered_by_its_model(connection):
    _write(connection, a_told("nano-banana-fast", a_row(credits=99)), a_told("nano-banana", a_row("fast", 4)))
    assert Offer.objects.get(connection=connection).upstream_model == "nano-banana"
    assert connection.sync_failure == ""
    assert not MediaModel.objects.filter(name="nano-banana-fast").exists()


def test_an_alias_with_parameters_stands_for_its_model_where_that_is_missing(connection):
    _write(connection, a_told("nano-banana-fast", a_row("default", 4), a_row("slow", 2)))
    offer = Offer.objects.get(connection=connection)
    assert (offer.media_model.name, offer.upstream_model) == ("nano-banana", "nano-banana-fast")
    quote = quoting.quote(connection.tenant, an_order("nano-banana-fast"))
    assert (quote.credits, quote.order.params) == (4, {"speed": "fast"})
    assert Alias.objects.filter(name="nano-banana-fast").exists()
    assert params.resolve("nano-banana-fast").params == {"speed": "fast"}


def test_a_server_is_named_as_its_provider_spells_it(connection):
    _write(connection, a_told("flux-2-pro", a_row(server="Cheap")))
    quote = quoting.quote(connection.tenant, an_order("flux-2-pro", server="cheap"))
    assert quote.order.server == "Cheap"


# -- prices that move far


@pytest.mark.parametrize(("old", "new"), [(10, 31), (31, 10), (1, 4), (400, 1)])
def test_a_price_that_moves_far_waits_and_is_not_quoted(connection, old, new):
    _known(connection, a_told("flux-2-pro", a_row("1k-fast", old)))
    assert _write(connection, a_told("flux-2-pro", a_row("1k-fast", new))) == [("held", "1k-fast", old, new)]
    assert _credits(connection) is None
    assert _write(connection, a_told("flux-2-pro", a_row("1k-fast", new))) == []


@pytest.mark.parametrize(("old", "new"), [(10, 30), (30, 10), (1, 3), (7, 6)])
def test_a_price_that_moves_three_times_at_most_is_quoted_at_once(connection, old, new):
    _known(connection, a_told("flux-2-pro", a_row("1k-fast", old)))
    assert _write(connection, a_told("flux-2-pro", a_row("1k-fast", new))) == [("moved", "1k-fast", old, new)]
    assert _credits(connection) == new


def test_a_price_that_turns_from_per_job_to_per_second_is_judged_in_one_unit(connection):
    told = partial(a_told, "kling-2.6", kind="video")
    _known(connection, told(a_row("720p-5s", 40, duration="5s")))
    per_second = told(a_row("720p-5s", 40, duration="5s", speed="per-second"))
    assert _write(connection, per_second) == [("held", "720p-5s", 8, 40)]
    assert _write(connection, per_second) == []
    assert not Price.objects.on_sale(connection.tenant).exists()
    cheaper = told(a_row("720p-5s", 10, duration="5s", speed="per-second"))
    assert _write(connection, cheaper) == [("moved", "720p-5s", 8, 10)]
    assert Price.objects.on_sale(connection.tenant).get().credits == 10


@pytest.fixture
def held(connection):
    """14 credits became 99."""
    _known(connection, a_told("flux-2-pro", a_row("1k-fast", 14)))
    return sync.write(connection, [a_told("flux-2-pro", a_row("1k-fast", 99))])[0]


def test_an_accepted_price_is_the_price(owner, connection, held):
    assert sync.decide(owner, held, accept=True)
    assert _credits(connection) == 99
    assert (held.is_accepted, held.decided_by) == (True, owner.name)
    row = TrailRow.objects.get(what="price.accepted")
    assert (row.actor, row.facts["old"], row.facts["new"]) == (owner.name, 14, 99)
    assert _write(connection, a_told("flux-2-pro", a_row("1k-fast", 99))) == []


def test_a_refused_price_keeps_its_row_off_sale_until_upstream_moves(owner, connection, held):
    assert sync.decide(owner, held, accept=False)
    assert _credits(connection) is None
    assert _write(connection, a_told("flux-2-pro", a_row("1k-fast", 99))) == []
    assert _credits(connection) is None
    assert _write(connection, a_told("flux-2-pro", a_row("1k-fast", 80))) == [("held", "1k-fast", 14, 80)]
    assert _write(connection, a_told("flux-2-pro", a_row("1k-fast", 20))) == [("moved", "1k-fast", 14, 20)]
    assert _credits(connection) == 20
    held.refresh_from_db()
    assert (held.is_accepted, held.decided_by) == (False, owner.name)


def test_a_decision_stands_once(owner, connection, held):
    stale = CatalogChange.objects.get(pk=held.pk)
    assert sync.decide(owner, held, accept=True)
    assert sync.decide(owner, stale, accept=True)
    assert not sync.decide(owner, CatalogChange.objects.get(pk=held.pk), accept=False)
    assert _credits(connection) == 99
    assert TrailRow.objects.filter(what__startswith="price.").count() == 1


@pytest.mark.parametrize(
    ("then", "credits"),
    [
        ([a_told("flux-2-pro", a_row("1k-fast", 20))], 20),
        ([a_told("flux-2-pro", a_row("1k-fast", 14))], 14),
        ([a_told("flux-2-pro", a_row("1k-fast", 120))], None),
        ([a_told("flux-2-pro", a_row("4k-fast", 50))], 50),
        ([a_told("imagen-4")], None),
    ],
)
def test_a_question_is_overtaken_when_upstream_moves_on(owner, connection, held, then, credits):
    _write(connection, *then)
    assert not sync.decide(owner, held, accept=True)
    assert (held.is_accepted, held.decided_by) == (False, "system")
    assert _credits(connection) == credits


def test_what_comes_back_at_a_far_price_is_asked_again(connection, held):
    _write(connection, a_told("imagen-4"))
    far = _write(connection, a_told("flux-2-pro", a_row("1k-fast", 99)))
    assert ("held", "1k-fast", 14, 99) in far
    assert _credits(connection) is None


def test_only_who_manages_connections_decides(owner, connection, held):
    with pytest.raises(Refusal, match="not_allowed"):
        sync.decide(an_actor(owner.tenant), held, accept=True)
    with pytest.raises(Connection.DoesNotExist):
        sync.decide(an_actor(role=Role.OWNER), held, accept=True)
    assert _credits(connection) is None


# -- from the provider


def test_a_sync_reads_and_writes(settings, upstream, connection):
    assert sync.sync(connection)
    connection.refresh_from_db()
    assert connection.synced_at is not None
    assert connection.last_contact_at is not None
    due_s = (connection.next_sync_at - clock.now()).total_seconds()
    assert due_s == pytest.approx(settings.CATALOG_SYNC_S, abs=5)


@pytest.mark.parametrize(
    ("error", "words", "trouble"),
    [
        (AccountRefused("Invalid API key", code="invalid"), "Invalid API key", "invalid"),
        (ProviderBusy("Connection refused", code="unreachable"), "Connection refused", ""),
        (OutcomeUnknown("Timed out"), "Timed out", ""),
        (Refusal("private_address", host="x"), "Its name leads to a private address.", ""),
    ],
)
def test_a_sync_that_fails_keeps_what_was_known_and_comes_back(upstream, connection, error, words, trouble):
    sync.sync(connection)
    upstream.says["models"] = error
    assert not sync.sync(connection)
    connection.refresh_from_db()
    assert (connection.sync_failure, connection.trouble) == (words, trouble)
    assert clock.now() < connection.next_sync_at <= clock.after(sync.RETRY_S)
    assert _credits(connection) == 20


def test_too_many_requests_let_the_key_rest(upstream, connection):
    upstream.says["models"] = ProviderBusy("Rate limit exceeded", code="rate", retry_after_s=20)
    assert not sync.sync(connection)
    assert budget.resting_s(connection.credential) == pytest.approx(20, abs=2)


def test_an_empty_list_takes_nothing_off_sale(upstream, connection):
    sync.sync(connection)
    upstream.says["models"] = []
    assert not sync.sync(connection)
    assert connection.sync_failure
    assert _credits(connection) == 20


def test_a_sync_keeps_to_the_budget(upstream, connection):
    Credential.objects.update(rests_until=clock.after(60))
    assert not sync.sync(connection)
    assert upstream.asked == []


def test_what_was_read_with_a_key_that_was_replaced_meanwhile_is_not_written(upstream, connection):
    upstream.meanwhile = lambda: credentials.keep(
        Connection.objects.get(pk=connection.pk), base_url=BASE_URL, key=a_key()
    )
    assert not sync.sync(connection)
    assert not Offer.objects.exists()


def test_what_was_read_of_a_connection_that_was_removed_meanwhile_is_not_written(upstream, connection):
    upstream.meanwhile = lambda: Connection.objects.update(removed_at=clock.now())
    assert not sync.sync(connection)
    assert not Offer.objects.exists()


def test_the_tick_has_what_is_due_read_once(upstream, connection, monkeypatch):
    an_account(next_sync_at=clock.after(60))
    removed = an_account()
    Connection.objects.filter(pk=removed.pk).update(removed_at=clock.now())
    preview.open_at(connection.tenant)
    woken = []
    monkeypatch.setattr(sync.wake, "up", lambda task, pk, **_: woken.append(pk))
    sync.tick()
    sync.tick()
    assert woken == [connection.pk]
    for pk in (*woken, removed.pk):
        sync.read(pk)
    assert [account.connection_id for _what, account in upstream.asked] == [connection.public_id]


def test_a_reading_waits_until_there_is_room(upstream, connection):
    with trying.asking(connection), trying.asking(connection):
        sync.read(connection.pk)
        assert upstream.asked == []
        due = Connection.objects.get(pk=connection.pk).next_sync_at
        assert clock.now() < due <= clock.after(60)
    sync.read(connection.pk)
    assert len(upstream.asked) == 1


def test_previews_catalogue_is_that_of_the_files(owner):
    shown = preview.open_at(owner.tenant)
    assert sync.sync(shown)
    assert Price.objects.filter(offer__connection=shown, is_estimate=True).exists()


def test_hundreds_of_models_are_written_in_a_few_statements(connection, django_assert_max_num_queries):
    many = [a_told(f"m-{n}", a_row("1k-fast"), a_row("2k-fast"), a_row("4k-fast")) for n in range(400)]
    _write(connection, *many)
    assert Offer.objects.count() == 400
    with django_assert_max_num_queries(30):
        assert _write(connection, *many) == []


@pytest.mark.parametrize(("rank", "left", "is_read"), [("POLL", 22, True), ("POLL", 21, False), ("PAGE", 51, False)])
def test_a_sync_takes_the_requests_that_it_makes_and_leaves_others_theirs(upstream, connection, rank, left, is_read):
    Credential.objects.update(tokens=left, refilled_at=clock.after(60))
    assert sync.sync(connection, rank=budget.Rank[rank]) == is_read
    assert budget.ready(Credential.objects.get()) == left - (upstream.requests.models if is_read else 0)


def test_a_connection_puts_so_many_models_into_the_house_and_never_more(connection, monkeypatch):
    monkeypatch.setattr(placing, "MOST_OFFERS", 3)
    before = MediaModel.objects.count()
    for number in range(4):  # other names with each reading
        sync.write(connection, [a_told(f"one-{number}"), a_told(f"two-{number}")])
    assert Offer.objects.filter(connection=connection).count() == MediaModel.objects.count() - before == 3
    connection.refresh_from_db()
    assert "after 3 models" in connection.sync_failure
    sync.write(connection, [a_told("one-0"), a_told("two-0")])  # what it had comes back
    connection.refresh_from_db()
    assert (connection.sync_failure, Offer.objects.filter(is_available=True).count()) == ("", 2)


@pytest.mark.parametrize(
    "name", ["two words", "-flux", "flux<b>", "flux\u200b2", "naïve", "flux\n2", "x" * 81, "%2e", "a:b"]
)
def test_an_id_that_is_not_plain_becomes_no_model(connection, name):
    sync.write(connection, [a_told(name), a_told("Flux/2.Pro-x")])
    assert list(Offer.objects.values_list("media_model__name", flat=True)) == ["flux/2.pro-x"]
