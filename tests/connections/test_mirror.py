"""The mirror of an account: asked when it is worth it, by one at a time, and never without its last good copy."""

import threading
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection as database

from revidweb.connections import credentials, mirror
from revidweb.connections.models import AccountCopy, Connection, Credential
from revidweb.lib import clock
from revidweb.providers import registry
from revidweb.providers.account_pages import Copy, Endpoint, Question
from revidweb.providers.base import AccountRefused, ProviderBusy, ProviderRefused

from .makers import a_key

pytestmark = pytest.mark.django_db

ME = Question(Endpoint.ME)


class Pages:
    """Answers with what stands there; an exception is raised."""

    def __init__(self) -> None:
        self.says: Copy | Exception = Copy('{"balance": 970}')
        self.asked: list[Question] = []
        self.meanwhile = lambda: None

    def ask(self, account, question, *, timeout_s=None):
        self.asked.append(question)
        self.timeout_s = timeout_s
        self.meanwhile()
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
def pages(monkeypatch) -> Pages:
    told = Pages()
    monkeypatch.setattr(registry, "account_pages", lambda name: told)
    return told


def now(connection: Connection) -> Connection:
    return Connection.objects.select_related("credential", "tenant").get(pk=connection.pk)


def ask(connection: Connection, question: Question = ME, **options: bool) -> mirror.Seen:
    return mirror.ask(now(connection), question, **options)


def kept(connection: Connection, question: Question = ME) -> mirror.Seen:
    return mirror.kept(now(connection), question)


def age(**parts: float) -> None:
    AccountCopy.objects.update(read_at=clock.now() - timedelta(**parts))


def test_what_was_never_asked_is_due_and_asks_nobody(connection, pages):
    seen = kept(connection)
    assert (seen.copy, seen.read_at, seen.failure, seen.is_due) == (None, None, None, True)
    assert pages.asked == []


def test_an_answer_is_kept_and_good_for_a_minute(connection, pages, settings):
    assert ask(connection).copy == Copy('{"balance": 970}')
    ask(connection)
    assert pages.asked == [ME]
    assert pages.timeout_s == settings.REVIDAPI_LOOK_TIMEOUT_S
    assert not kept(connection).is_due
    age(seconds=61)
    assert kept(connection).is_due
    ask(connection)
    assert pages.asked == [ME, ME]


def test_read_again_does_not_wait_for_the_minute_but_a_double_click_is_one(connection, pages):
    ask(connection)
    ask(connection, is_wanted=True)
    assert len(pages.asked) == 1
    age(seconds=3)
    ask(connection, is_wanted=True)
    assert len(pages.asked) == 2


def test_each_page_and_filter_is_a_question_of_its_own(connection, pages):
    for question in (Question(Endpoint.JOBS), Question(Endpoint.JOBS, 2), Question(Endpoint.JOBS, status="failed")):
        ask(connection, question)
    assert len(pages.asked) == AccountCopy.objects.count() == 3


def test_while_one_asks_another_gets_what_is_there(connection, pages):
    ask(connection)
    age(hours=1)
    seen: list[mirror.Seen] = []
    pages.meanwhile = lambda: seen.append(ask(connection))
    ask(connection)
    assert len(pages.asked) == 2
    assert seen[0].waits_for == "answer"
    assert seen[0].copy is not None


def test_a_tenant_waits_for_two_answers_at_once_and_no_more(connection, pages):
    waits: list[str] = []

    def deeper() -> None:
        if len(pages.asked) < 3:
            waits.append(ask(connection, Question(Endpoint.JOBS, len(pages.asked) + 1)).waits_for)

    pages.meanwhile = deeper
    ask(connection)
    assert waits == ["others", ""]
    assert len(pages.asked) == 2


def test_a_question_takes_one_request_and_leaves_half_to_the_jobs(connection, pages):
    from revidweb.connections import budget

    Credential.objects.update(tokens=budget.burst() / 2 + 1, refilled_at=clock.now() + timedelta(seconds=5))
    ask(connection)
    assert ask(connection, Question(Endpoint.LIMITS)).waits_for == "budget"
    assert pages.asked == [ME]
    assert kept(connection, Question(Endpoint.LIMITS)).failure is None


@pytest.mark.parametrize(
    "error",
    [
        ProviderBusy("No connection came about.", code="unreachable"),
        ProviderBusy("The answer was lost."),
        ProviderBusy("HTTP 502", code="unavailable"),
        ProviderRefused("HTTP 404", code="gone"),
        ProviderRefused("HTTP 403", code="not_owner"),
        AccountRefused("HTTP 401", code="invalid"),
    ],
)
def test_whatever_goes_wrong_the_last_good_copy_stays(connection, pages, error):
    read_at = ask(connection).read_at - timedelta(hours=1)
    age(hours=1)
    pages.says = error
    seen = ask(connection)
    assert seen.copy == Copy('{"balance": 970}')
    assert abs(seen.read_at - read_at) < timedelta(seconds=5)
    assert (seen.failure.code, seen.failure.reason) == (error.code, error.reason)
    assert not kept(connection).is_due
    assert now(connection).trouble == ""


def test_the_next_good_answer_ends_a_failure(connection, pages):
    good, pages.says = pages.says, ProviderRefused("HTTP 404", code="gone")
    assert ask(connection).failure.code == "gone"
    AccountCopy.objects.update(failed_at=clock.now() - timedelta(minutes=2))
    pages.says = good
    assert ask(connection).failure is None


@pytest.mark.parametrize("code", ["unreachable", "busy"])
def test_an_account_that_was_not_reached_is_left_in_peace_for_all_its_pages(connection, pages, code):
    pages.says = ProviderBusy("No.", code=code)
    ask(connection)
    for endpoint in Endpoint:
        ask(connection, Question(endpoint), is_wanted=True)
        assert not kept(connection, Question(endpoint)).is_due
    assert len(pages.asked) == 1
    cache.clear()
    ask(connection, Question(Endpoint.LIMITS), is_wanted=True)
    assert len(pages.asked) == 2


def test_an_outage_is_told_and_nobody_is_asked_by_itself(connection, pages):
    ask(connection)
    age(hours=1)
    since = clock.now() - timedelta(minutes=5)
    Connection.objects.update(failing_since=since, failure="No connection came about: NewConnectionError.")
    seen = kept(connection)
    assert (seen.failure.code, seen.failure.at, seen.is_due) == ("unreachable", since, False)
    assert seen.copy is not None


def test_not_being_reached_and_being_reached_is_told_of_the_connection(connection, pages):
    good, pages.says = pages.says, ProviderBusy("No connection came about.", code="unreachable")
    ask(connection)
    assert now(connection).failing_since is not None
    cache.clear()
    pages.says = good
    AccountCopy.objects.update(failed_at=clock.now() - timedelta(seconds=5))
    ask(connection, is_wanted=True)
    assert now(connection).failing_since is None


def test_too_many_questions_give_the_key_the_pause_that_was_asked_for(connection, pages):
    pages.says = ProviderBusy("HTTP 429", code="rate", retry_after_s=30)
    ask(connection)
    assert now(connection).credential.rests_until > clock.now() + timedelta(seconds=20)


def test_another_key_may_be_another_account_so_its_copies_go(connection, pages):
    ask(connection)
    credentials.keep(connection, base_url=connection.credential.base_url, key=a_key())
    assert AccountCopy.objects.count() == 0
    assert kept(connection).copy is None


def test_forgotten_keys_take_their_copies_with_them(connection, pages):
    ask(connection)
    credentials.forget(connection)
    assert AccountCopy.objects.count() == 0


def test_an_answer_that_comes_after_the_key_was_replaced_is_not_kept(connection, pages):
    pages.meanwhile = lambda: credentials.keep(now(connection), base_url="https://other.example.com/v1", key=a_key())
    ask(connection)
    assert AccountCopy.objects.count() == 0


def test_no_key_stands_in_what_is_kept(connection, pages):
    key = connection.account.key
    pages.says = ProviderRefused(f"HTTP 400: {key} is wrong", code="input")
    ask(connection)
    assert key not in AccountCopy.objects.get().failure


def test_what_is_kept_of_a_key_is_bounded_and_first_pages_stay(connection, pages, monkeypatch):
    monkeypatch.setattr(mirror, "MOST_COPIES", 5)
    ask(connection)
    for page in range(1, 9):
        Credential.objects.update(tokens=100, refilled_at=clock.now())
        ask(connection, Question(Endpoint.JOBS, page))
    kept_pages = AccountCopy.objects.order_by("endpoint", "page").values_list("endpoint", "page")
    assert list(kept_pages) == [("jobs", 1), ("jobs", 6), ("jobs", 7), ("jobs", 8), ("me", 1)]


def test_what_is_kept_of_a_key_is_bounded_in_size(connection, pages, monkeypatch):
    monkeypatch.setattr(mirror, "MOST_BYTES", 1000)
    pages.says = Copy("x" * 400)
    for page in range(1, 6):
        Credential.objects.update(tokens=100, refilled_at=clock.now())
        ask(connection, Question(Endpoint.JOBS, page))
    assert sorted(AccountCopy.objects.values_list("page", flat=True)) == [1, 5]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_request(connection, pages):
    begun, go_on = threading.Event(), threading.Event()
    pages.meanwhile = lambda: (begun.set(), go_on.wait(5))

    def first() -> None:
        ask(connection)
        database.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(5)
    assert ask(connection).waits_for == "answer"
    go_on.set()
    thread.join()
    assert ask(connection).copy is not None
    assert pages.asked == [ME]
