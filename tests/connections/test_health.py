import pytest

from revidweb.connections import budget, credentials, health
from revidweb.connections.models import Connection, Credential
from revidweb.connections.slots import Free
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import (
    AccountRefused,
    Kind,
    Limits,
    OutcomeUnknown,
    ProviderBusy,
    ProviderRefused,
)
from revidweb.trail.models import TrailRow

from .makers import BASE_URL, a_key, an_account

pytestmark = pytest.mark.django_db

INVALID = AccountRefused("Invalid API key", code="invalid")
NOTHING = dict


def _trail() -> list[str]:
    return list(TrailRow.objects.order_by("pk").values_list("what", flat=True))


def _seconds_to_check(connection: Connection) -> float:
    connection.refresh_from_db()
    return (connection.next_check_at - clock.now()).total_seconds()


def test_a_refusal_marks_the_connection_once(connection):
    assert health.refused(connection, connection.credential, INVALID)
    since = connection.trouble_since
    assert health.refused(connection, connection.credential, INVALID)
    connection.refresh_from_db()
    assert (connection.trouble, connection.trouble_reason) == ("invalid", "Invalid API key")
    assert connection.trouble_since == since
    assert _trail() == ["connection.in_trouble"]


def test_what_befalls_a_retired_key_says_nothing_of_the_new_one(connection):
    retired = connection.credential
    credentials.keep(connection, base_url=BASE_URL, key=a_key())
    assert not health.refused(connection, retired, INVALID)
    connection.refresh_from_db()
    assert connection.trouble == ""
    assert _trail() == []


def test_a_removed_connection_is_not_marked(connection):
    Connection.objects.update(removed_at=clock.now())
    assert not health.refused(connection, connection.credential, INVALID)


def test_a_key_in_the_providers_words_is_blotted_out():
    key = "sk_live_0123456789abcdefab12"
    connection = an_account(key=key)
    health.refused(connection, connection.credential, AccountRefused(f"Key {key} is disabled", code="locked"))
    health.unreachable(connection, f"GET /balance?key={key}")
    kept = f"{Connection.objects.values()} {TrailRow.objects.values()}"
    assert key not in kept
    assert connection.trouble_reason == "Key sk_live_…ab12 is disabled"


def test_an_unknown_code_counts_as_locked(connection):
    health.refused(connection, connection.credential, AccountRefused("No."))
    assert connection.trouble == "locked"


def test_an_outage_is_told_once_and_so_is_its_end(connection):
    health.unreachable(connection, "Connection refused")
    since = connection.failing_since
    health.unreachable(connection, "Timed out")
    connection.refresh_from_db()
    assert (connection.failing_since, connection.failure) == (since, "Timed out")
    health.answered(connection)
    health.answered(connection)
    connection.refresh_from_db()
    assert (connection.failing_since, connection.failure) == (None, "")
    assert _trail() == ["connection.unreachable", "connection.reached"]


def test_good_answers_are_noted_every_ten_seconds(connection, django_assert_num_queries):
    health.answered(connection)
    with django_assert_num_queries(0):
        health.answered(connection)
        health.answered(connection, balance=connection.balance)
    stale = Connection.objects.get()
    Connection.objects.update(last_contact_at=clock.ago(11))
    health.answered(stale)  # which believes that it was noted just now
    health.answered(Connection.objects.get())
    assert Connection.objects.get().last_contact_at > clock.ago(5)


def test_a_balance_is_written_when_it_differs(connection):
    health.answered(connection, balance=970)
    health.answered(connection, balance=940)
    assert Connection.objects.get().balance == 940


def test_a_good_answer_does_not_end_trouble(connection):
    health.refused(connection, connection.credential, AccountRefused("Pay", code="exhausted"))
    health.answered(connection)
    assert Connection.objects.get().trouble == "exhausted"


def test_a_check_writes_balance_slots_and_what_is_foreign(upstream, connection):
    upstream.says["limits"] = Limits(8, 4, 5, active_total=6, active_image=3, active_video=3)
    assert health.check(connection, ours=lambda: {Kind.IMAGE: 2, Kind.MOTION: 1})
    connection.refresh_from_db()
    assert (connection.balance, connection.total_slots, connection.image_slots, connection.video_slots) == (
        970,
        8,
        4,
        5,
    )
    assert (connection.foreign_total, connection.foreign_image, connection.foreign_video) == (3, 1, 2)
    free = Free.of(connection, {Kind.IMAGE: 2, Kind.MOTION: 1})
    assert (free.total, free.image, free.video) == (2, 1, 2)


def test_a_job_that_starts_during_the_check_is_not_foreign(upstream, connection):
    ours = {Kind.IMAGE: 0}
    upstream.meanwhile = lambda: ours.update({Kind.IMAGE: 1})
    upstream.says["limits"] = Limits(5, 3, 3, active_total=1, active_image=1)
    health.check(connection, ours=lambda: dict(ours))
    assert connection.foreign_total == 0


def test_the_next_check_is_sooner_while_foreign_jobs_hold_slots(settings, upstream, connection):
    health.check(connection, ours=NOTHING)
    assert _seconds_to_check(connection) == pytest.approx(settings.ACCOUNT_CHECK_S, abs=5)
    upstream.says["limits"] = Limits(5, 3, 3, active_total=1, active_video=1)
    health.check(connection, ours=NOTHING)
    assert _seconds_to_check(connection) == pytest.approx(settings.ACCOUNT_RETRY_S, abs=5)


def test_a_good_check_ends_trouble_and_outage(upstream, connection):
    health.refused(connection, connection.credential, INVALID)
    health.unreachable(connection, "Timed out")
    assert health.check(connection, ours=NOTHING)
    connection.refresh_from_db()
    assert (connection.trouble, connection.trouble_since, connection.failing_since) == ("", None, None)
    assert _trail()[2:] == ["connection.mended", "connection.reached"]


def test_an_empty_account_stays_empty_until_it_is_filled(settings, upstream, connection):
    health.refused(connection, connection.credential, AccountRefused("Pay", code="exhausted"))
    upstream.says["balance"] = 0
    assert not health.check(connection, ours=NOTHING)
    assert connection.trouble == "exhausted"
    assert _seconds_to_check(connection) == pytest.approx(settings.ACCOUNT_RETRY_S, abs=5)
    upstream.says["balance"] = 5
    assert health.check(connection, ours=NOTHING)
    assert connection.trouble == ""


def test_an_empty_account_stays_empty_for_orders_that_it_cannot_pay(upstream, connection):
    health.refused(connection, connection.credential, AccountRefused("Pay", code="exhausted"))
    upstream.says["balance"] = 5
    assert not health.check(connection, ours=NOTHING, cheapest=6)
    assert not health.check(connection, ours=NOTHING, cheapest=6)
    assert (connection.trouble, connection.balance, _trail()) == ("exhausted", 5, ["connection.in_trouble"])
    assert health.check(connection, ours=NOTHING, cheapest=5)
    assert connection.trouble == ""


def test_other_troubles_end_with_a_good_answer_whatever_is_left(upstream, connection):
    health.refused(connection, connection.credential, INVALID)
    upstream.says["balance"] = 5
    assert health.check(connection, ours=NOTHING, cheapest=6)
    assert connection.trouble == ""


@pytest.mark.parametrize(("balance", "left"), [(10, 6), (3, 0), (-2, -2)])
def test_what_an_order_took_is_no_longer_there(connection, balance, left):
    Connection.objects.update(balance=balance)
    health.took(connection, 4)
    assert Connection.objects.get().balance == left


@pytest.mark.parametrize(
    ("error", "trouble", "is_failing"),
    [
        (INVALID, "invalid", False),
        (ProviderBusy("Connection refused", code="unreachable"), "", True),
        (ProviderBusy("No active accounts", code="unavailable"), "", True),
        (ProviderBusy("Too many requests", code="rate", retry_after_s=20), "", False),
        (OutcomeUnknown("Timed out"), "", True),
        (Refusal("private_address", host="rebound.example.com"), "", True),
    ],
)
def test_a_check_that_gets_no_sound_answer_says_why(settings, upstream, connection, error, trouble, is_failing):
    upstream.says["balance"] = error
    assert not health.check(connection, ours=NOTHING)
    connection.refresh_from_db()
    assert connection.trouble == trouble
    assert bool(connection.failing_since and connection.failure) == is_failing
    assert _seconds_to_check(connection) == pytest.approx(settings.ACCOUNT_RETRY_S, abs=5)


def test_too_many_requests_lets_everybody_rest(upstream, connection):
    upstream.says["balance"] = ProviderBusy("Too many requests", code="rate", retry_after_s=20)
    health.check(connection, ours=NOTHING)
    assert budget.resting_s(connection.credential) == pytest.approx(20, abs=2)


def test_an_account_without_these_pages_is_proven_by_its_catalogue(upstream, connection):
    gone = ProviderRefused("Not Found", code="gone")
    upstream.says |= {"balance": gone, "limits": gone}
    assert health.check(connection, ours=NOTHING)
    assert (connection.balance, connection.total_slots) == (0, 5)
    upstream.says["check"] = INVALID
    assert not health.check(connection, ours=NOTHING)
    assert connection.trouble == "invalid"


def test_a_check_whose_key_was_replaced_meanwhile_writes_nothing(upstream, connection):
    def replace():
        upstream.meanwhile = lambda: None
        credentials.keep(Connection.objects.get(), base_url=BASE_URL, key=a_key())

    for answer in (970, INVALID, ProviderBusy("Connection refused", code="unreachable")):
        upstream.says["balance"] = answer
        upstream.meanwhile = replace
        assert not health.check(Connection.objects.get(), ours=NOTHING)
        now = Connection.objects.get()
        assert (now.balance, now.trouble, now.failing_since, now.last_contact_at) == (0, "", None, None)


def test_a_check_waits_while_the_provider_asks_for_a_pause(upstream, connection):
    Credential.objects.update(rests_until=clock.after(45))
    assert not health.check(connection, ours=NOTHING)
    assert upstream.asked == []
    assert _seconds_to_check(connection) == pytest.approx(45, abs=5)


def test_a_key_that_cannot_be_opened_any_more_asks_for_itself(settings, upstream, connection):
    settings.SEALING_KEYS = ["another"]
    assert not health.check(connection, ours=NOTHING)
    assert connection.trouble == "invalid"
    assert upstream.asked == []


def test_nonsense_in_numbers_is_bounded(upstream, connection):
    upstream.says["balance"] = 10**30
    upstream.says["limits"] = Limits(-4, 10**12, 3, active_total=10**12)
    assert health.check(connection, ours=NOTHING)
    connection.refresh_from_db()
    assert (connection.total_slots, connection.image_slots, connection.foreign_total) == (0, 10_000, 10_000)


def test_a_check_takes_the_requests_that_it_makes_and_none_where_they_are_too_few(upstream, connection):
    for tokens, left in ((10, 10 - upstream.requests.account), (upstream.requests.account - 1,) * 2):
        Credential.objects.update(tokens=tokens, refilled_at=clock.after(60))
        assert health.check(connection, ours=NOTHING) == (left < tokens)
        assert budget.ready(Credential.objects.get()) == left
