import pytest

from revidweb.connections import budget
from revidweb.connections.budget import Rank
from revidweb.connections.models import Credential
from revidweb.lib import clock

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ten_a_second(settings):
    settings.REVIDAPI_PER_MINUTE = 600


@pytest.fixture
def now(monkeypatch):
    """A clock that stands still until it is turned: `now.turn(seconds)`."""

    class Now:
        at = clock.now()

        def turn(self, seconds: float) -> None:
            self.at = clock.after(seconds)

    stands = Now()
    monkeypatch.setattr(clock, "now", lambda: stands.at)
    return stands


@pytest.fixture
def credential(now, connection) -> Credential:
    Credential.objects.update(tokens=100, refilled_at=now.at)
    return connection.credential


def test_a_new_credential_starts_with_ten_seconds_worth(now, connection):
    assert budget.take(connection.credential, wanted=500, rank=Rank.SEND) == 100
    assert budget.take(connection.credential, wanted=1, rank=Rank.SEND) == 0


def test_it_fills_at_the_rate_and_never_over_the_brim(now, credential):
    budget.take(credential, wanted=100, rank=Rank.SEND)
    now.turn(1.5)
    assert budget.take(credential, wanted=100, rank=Rank.SEND) == 15
    now.turn(3600)
    assert budget.take(credential, wanted=500, rank=Rank.SEND) == 100


def test_part_of_a_request_is_kept_for_later(now, credential):
    budget.take(credential, wanted=100, rank=Rank.SEND)
    for _ in range(20):
        now.turn(0.05)
        budget.take(credential, wanted=100, rank=Rank.SEND)
    assert Credential.objects.get().tokens == pytest.approx(0)


@pytest.mark.parametrize(("rank", "given"), [(Rank.SEND, 100), (Rank.POLL, 80), (Rank.PAGE, 50)])
def test_who_needs_it_less_leaves_more(credential, rank, given):
    assert budget.take(credential, wanted=1000, rank=rank) == given


def test_what_was_not_given_is_not_counted(credential):
    assert budget.take(credential, wanted=60, rank=Rank.PAGE) == 50
    assert budget.take(credential, wanted=60, rank=Rank.PAGE) == 0
    assert budget.take(credential, wanted=60, rank=Rank.SEND) == 50


def test_nobody_asks_while_it_rests(now, credential):
    budget.rest(credential, 30)
    budget.rest(credential, 5)  # shortens nothing
    assert budget.resting_s(credential) == 30
    assert budget.take(credential, wanted=1, rank=Rank.SEND) == 0
    now.turn(30)
    assert budget.resting_s(credential) == 0
    assert budget.take(credential, wanted=1, rank=Rank.SEND) == 1


def test_who_says_not_how_long_is_left_alone_for_ten_seconds(now, credential):
    budget.rest(credential, None)
    assert budget.resting_s(credential) == 10


def test_no_provider_silences_us_for_ever(now, credential):
    budget.rest(credential, 10**12)
    assert budget.resting_s(credential) == 600


def test_a_clock_that_runs_behind_gives_nothing_away(now, credential):
    budget.take(credential, wanted=100, rank=Rank.SEND)
    now.turn(-60)
    assert budget.take(credential, wanted=1, rank=Rank.SEND) == 0
    now.turn(60)
    assert budget.take(credential, wanted=1, rank=Rank.SEND) == 0


def test_a_page_says_how_many_are_ready_and_takes_none(now, credential, django_assert_num_queries):
    credential.refresh_from_db()
    with django_assert_num_queries(0):
        assert budget.ready(credential) == 100
        assert budget.ready(None) == 0
    budget.rest(credential, 5)
    credential.refresh_from_db()
    assert budget.ready(credential) == 0


def test_what_needs_no_account_has_no_limit():
    assert budget.take(None, wanted=7, rank=Rank.PAGE) == 7
    assert budget.resting_s(None) == 0


def test_a_grant_is_one_read_and_one_write(credential, django_assert_num_queries):
    with django_assert_num_queries(2):
        budget.take(credential, wanted=1, rank=Rank.SEND)
    budget.take(credential, wanted=99, rank=Rank.SEND)
    with django_assert_num_queries(1):  # an empty bucket is only read
        budget.take(credential, wanted=1, rank=Rank.SEND)


def test_all_are_taken_or_none(credential):
    budget.take(credential, wanted=97, rank=Rank.SEND)
    assert not budget.take_all(credential, 4, rank=Rank.SEND)
    assert budget.take_all(credential, 3, rank=Rank.SEND)
    assert budget.take_all(None, 1000, rank=Rank.PAGE)


def test_what_was_not_asked_is_given_back_and_never_more_than_a_bucket_holds(credential):
    budget.take(credential, wanted=10, rank=Rank.SEND)
    budget.give_back(credential, 4)
    credential.refresh_from_db()
    assert credential.tokens == 94
    for unused in (50, 0, -3):
        budget.give_back(credential, unused)
    credential.refresh_from_db()
    assert credential.tokens == 100
    budget.give_back(None, 1)
