"""RevidAPI's pages about an account: asked once each, kept without secrets, and read whatever they say."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies

from revidweb.lib import clock
from revidweb.providers import registry
from revidweb.providers.account_pages import Copy, Endpoint, Fact, Line, Move, Place, Question, Reading, Series, Table
from revidweb.providers.base import Account, AccountRefused, Kind, Mode, ProviderBusy, ProviderRefused, Status
from revidweb.providers.revidapi import client
from tests.upstreams.customer import Customer
from tests.upstreams.revidapi import StandIn

from .conftest import KEY
from .orders import error_of
from .test_revidapi_anything import BODIES, VALUES
from .upstream import Reply

PATHS = {
    Endpoint.ME: "dashboard/me",
    Endpoint.LIMITS: "limits",
    Endpoint.JOBS: "dashboard/jobs",
    Endpoint.STATS: "dashboard/stats",
    Endpoint.EXPORT: "dashboard/stats/export",
    Endpoint.CREDITS: "dashboard/credits",
    Endpoint.MODELS: "models",
    Endpoint.USERS: "dashboard/tenant/users",
    Endpoint.SUBS: "dashboard/tenant/subs",
    Endpoint.REVENUE: "dashboard/tenant/revenue",
}
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WINDOW = {"since": NOW - timedelta(days=1), "until": NOW}
ENDPOINTS = pytest.mark.parametrize("endpoint", list(Endpoint))


@pytest.fixture
def pages():
    return registry.account_pages("revidapi")


@pytest.fixture
def stand_in(settings):
    with StandIn(image_s=0, video_s=0) as stand_in:
        settings.PRIVATE_HOSTS = frozenset({stand_in.host})
        yield stand_in


@pytest.fixture
def owner(stand_in):
    with Customer(stand_in, stand_in.open_account(balance=1000, is_owner=True)) as owner:
        yield owner


@pytest.fixture
def theirs(stand_in, owner):
    return Account("con_1", stand_in.url, owner.account.key)


def table_of(reading, name):
    return next(table for table in reading.tables if table.name == name)


def column(table, name):
    return [row[table.columns.index(name)] for row in table.rows]


# Against the stand-in.


@ENDPOINTS
def test_every_page_is_one_request_and_says_something(endpoint, pages, theirs, owner, stand_in):
    owner.image()
    before = len(stand_in.calls)
    reading = pages.read(endpoint, pages.ask(theirs, Question(endpoint)))
    assert [(call.endpoint, call.status) for call in stand_in.calls[before:]] == [(endpoint.value, 200)]
    assert reading.facts or reading.tables
    assert reading.text == ""


def test_the_preview_has_no_pages():
    assert registry.account_pages("preview") is None


def test_the_figures_of_usage_can_be_drawn(pages, theirs, owner):
    owner.image()
    owner.video()
    reading = pages.read(Endpoint.STATS, pages.ask(theirs, Question(Endpoint.STATS)))
    assert Fact("credits_spent", 19) in reading.facts
    by_model, by_day = reading.series
    assert (by_model.name, by_model.labels, by_model.is_by_time) == ("by_model", ("kling-2.6", "nano-banana"), False)
    assert Line("credits", (15, 4)) in by_model.lines
    assert (by_day.name, by_day.is_by_time, by_day.labels) == ("by_day", True, (f"{clock.now():%Y-%m-%d}",))
    assert Line("credits", (19,)) in by_day.lines


def test_the_export_is_a_table_of_the_same_figures(pages, theirs, owner):
    owner.image()
    copy = pages.ask(theirs, Question(Endpoint.EXPORT))
    assert copy.media_type == "text/csv"
    (table,) = pages.read(Endpoint.EXPORT, copy).tables
    assert column(table, "model") == ["nano-banana"]
    assert column(table, "credits") == [4]


def test_jobs_are_filtered_and_paged_in_the_providers_words(pages, theirs, owner, stand_in):
    stand_in.play("fails", prompt="a wolf")
    for prompt in ("a wolf", "a fox"):
        owner.image(prompt=prompt)
    stand_in.skip(1)
    copy = pages.ask(theirs, Question(Endpoint.JOBS, status="failed", kind="t2i"))
    (job,) = pages.job_page(copy).entries
    assert (job.prompt, job.model, job.kind, job.mode) == ("a wolf", "nano-banana", Kind.IMAGE, Mode.T2I)
    assert (job.status, job.credits, job.results) == (Status.FAILED, 4, ())
    assert pages.read(Endpoint.JOBS, copy).place == Place(1, 1, 1)
    assert pages.job_page(copy).is_last
    assert pages.job_page(pages.ask(theirs, Question(Endpoint.JOBS, page=2))).entries == ()


def test_a_finished_job_has_its_media_and_its_times(pages, theirs, owner, stand_in):
    result = owner.finished_image(aspect_ratio="1:1")
    (job,) = pages.job_page(pages.ask(theirs, Question(Endpoint.JOBS))).entries
    assert (job.ticket, job.status, job.results) == (stand_in.book.jobs[0].id, Status.DONE, (result,))
    assert job.created_at.tzinfo is UTC
    assert job.created_at <= job.completed_at
    assert job.params["aspect_ratio"] == "1:1"


@pytest.mark.parametrize("endpoint", [Endpoint.USERS, Endpoint.SUBS, Endpoint.REVENUE])
def test_a_key_that_is_no_owners_is_not_called_a_bad_key(endpoint, pages, stand_in):
    account = Account("con_1", stand_in.url, stand_in.open_account().key)
    error = error_of(pages.ask, account, Question(endpoint))
    assert (type(error), error.code) == (ProviderRefused, "not_owner")


def test_revenue_can_be_drawn_by_month_and_by_plan(pages, theirs):
    reading = pages.read(Endpoint.REVENUE, pages.ask(theirs, Question(Endpoint.REVENUE)))
    by_month, by_plan = reading.series
    total = next(fact.value for fact in reading.facts if fact.name == "total_revenue")
    assert by_month.is_by_time
    assert sum(next(line for line in by_month.lines if line.name == "total").figures) == total
    assert sum(next(line for line in by_plan.lines if line.name == "revenue").figures) == total


def test_models_have_their_price_rows_in_a_table_of_their_own(pages, theirs):
    reading = pages.read(Endpoint.MODELS, pages.ask(theirs, Question(Endpoint.MODELS)))
    models, prices = table_of(reading, "models"), table_of(reading, "models.pricing")
    assert set(column(prices, "model")) == set(column(models, "model"))
    assert "720p-5s-fast" in column(prices, "key")


def test_parameters_hold_nothing_that_no_database_keeps(pages):
    params = {"server_id": "a\x00", "speed": "\ud800", "scale": float("nan"), "deep": json.loads("[" * 90 + "]" * 90)}
    for told in (params, json.dumps(params)):
        (job,) = pages.job_page(Copy(json.dumps({"jobs": [{"id": "j", "input_params": told}]}))).entries
        assert (job.params["server_id"], job.params["speed"], job.params["scale"]) == ("a\ufffd", "?", None)
        assert str(job.params["deep"]).count("[") < 60


# The log of credits.


def test_the_log_tells_charges_refunds_and_the_rest_apart(pages, theirs, owner, stand_in):
    stand_in.play("fails", prompt="a wolf")
    failed, done = (owner.image(prompt=prompt)["job_id"] for prompt in ("a wolf", "a fox"))
    stand_in.skip(1)
    log = pages.credit_log(theirs, since=clock.ago(60), until=clock.after(60), most_requests=5)
    assert [(line.move, line.ticket, line.change) for line in log.lines] == [
        (Move.CHARGE, done, -4),
        (Move.REFUND, failed, 4),
        (Move.CHARGE, failed, -4),
        (Move.OTHER, "", 1000),
    ]
    assert (log.reaches_back, log.unread, log.requests) == (True, (), 1)
    assert all(line.at.tzinfo is UTC and line.id for line in log.lines)


def test_the_log_is_read_back_to_its_beginning_and_no_further(pages, theirs, owner, stand_in):
    for ago_s in (*range(150), *range(90_000, 90_300)):
        stand_in.book.plant_job(owner.account, model="nano-banana", credits=1, ago_s=ago_s)
    log = pages.credit_log(theirs, since=clock.ago(3600), until=clock.after(60), most_requests=9)
    assert (len(log.lines), log.reaches_back, log.requests) == (150, True, 2)
    short = pages.credit_log(theirs, since=clock.ago(100_000), until=clock.after(60), most_requests=3)
    assert (len(short.lines), short.reaches_back, short.requests) == (300, False, 3)


def test_planted_differences_stand_in_the_log(pages, theirs, owner, stand_in):
    lost, changed, late = (owner.image()["job_id"] for _ in range(3))
    book = stand_in.book
    planted = book.plant_job(owner.account, model="nano-banana", credits=7)
    book.lose_charge(book.find(lost, owner.account))
    book.change_charge(book.find(changed, owner.account), 9)
    book.refund_late(book.find(late, owner.account))
    log = pages.credit_log(theirs, since=clock.ago(60), until=clock.after(60), most_requests=5)
    moved = {(line.ticket, line.move): line.credits for line in log.lines if line.ticket}
    assert moved == {
        (planted.id, Move.CHARGE): 7,
        (changed, Move.CHARGE): 9,
        (late, Move.CHARGE): 4,
        (late, Move.REFUND): 4,
    }


AT = "2026-11-20T11:00:00Z"
BEFORE = "2026-11-18T11:00:00Z"


@pytest.mark.parametrize(
    ("entry", "move", "ticket", "change"),
    [
        ({"type": "deduct", "amount": -5, "job_id": "j"}, Move.CHARGE, "j", -5),
        ({"type": "deduct", "amount": 5, "job_id": "j"}, Move.CHARGE, "j", -5),
        ({"type": "usage", "credits": "5", "jobId": "j"}, Move.CHARGE, "j", -5),
        ({"type": "DEBIT", "amount": "-5.0", "job_id": 77}, Move.CHARGE, "77", -5),
        ({"type": "refund", "amount": 5, "job_id": "j"}, Move.REFUND, "j", 5),
        ({"type": "refund", "amount": -5, "job_id": "j"}, Move.REFUND, "j", 5),
        ({"reason": "Refund for failed job", "amount": 5, "job_id": "j"}, Move.REFUND, "j", 5),
        ({"type": "job", "amount": -5, "job_id": "j"}, Move.CHARGE, "j", -5),
        ({"amount": 5, "job_id": "j"}, Move.REFUND, "j", 5),
        ({"amount": 5, "balance_before": 10, "balance_after": 5, "job_id": "j"}, Move.CHARGE, "j", -5),
        ({"balance_before": 5, "balance_after": 10, "job_id": "j"}, Move.REFUND, "j", 5),
        ({"type": "admin_add", "amount": 500}, Move.OTHER, "", 500),
        ({"type": "admin_reset", "amount": -500}, Move.OTHER, "", -500),
        ({"amount": "+12"}, Move.OTHER, "", 12),
        ({"type": "whatever", "amount": 0, "job_id": "j"}, Move.OTHER, "j", 0),
        ({"type": "deduct", "amount": 0, "job_id": "j"}, Move.CHARGE, "j", 0),
        ({"type": "deduct", "amount": -5, "job": {"job_id": "j"}}, Move.CHARGE, "j", -5),
    ],
)
def test_a_move_has_many_forms(entry, move, ticket, change, pages, account, upstream):
    upstream.says("GET /v1/dashboard/credits", {"transactions": [entry | {"created_at": AT}], "pages": 1})
    (line,) = pages.credit_log(account, **WINDOW, most_requests=3).lines
    assert (line.move, line.ticket, line.change) == (move, ticket, change)
    assert line.raw == entry | {"created_at": AT}


@pytest.mark.parametrize("amount", [None, "many", 1.5, True, [5], {"credits": 5}, 10**12, float("nan"), ""])
def test_what_is_no_whole_number_of_credits_is_not_guessed(amount, pages, account, upstream):
    entry = {"id": 1, "type": "deduct", "amount": amount, "created_at": AT}
    upstream.says("GET /v1/dashboard/credits", [entry])
    log = pages.credit_log(account, **WINDOW, most_requests=3)
    assert (log.lines, len(log.unread)) == ((), 1)


@pytest.mark.parametrize("name", ["transactions", "credits", "items", "data", "logs", "history", "results", ""])
def test_the_log_stands_under_many_names_and_ends_where_it_repeats(name, pages, account, upstream):
    listed = [{"id": 1, "type": "deduct", "amount": -5, "created_at": AT}]
    upstream.says("GET /v1/dashboard/credits", {name: listed} if name else listed)
    log = pages.credit_log(account, **WINDOW, most_requests=9)
    assert (len(log.lines), log.reaches_back, log.requests) == (1, True, 2)


def test_a_line_that_comes_twice_because_pages_moved_on_counts_once(pages, account, upstream):
    lines = [{"id": n, "type": "deduct", "amount": -n, "created_at": AT} for n in (3, 2, 1)]
    replies = [Reply(body={"items": lines[:2]}), Reply(body={"items": lines[1:]}), Reply(body={"items": []})]
    upstream.answers["GET /v1/dashboard/credits"] = replies
    log = pages.credit_log(account, **WINDOW, most_requests=9)
    assert [line.credits for line in log.lines] == [3, 2, 1]


def test_a_log_from_old_to_new_is_read_to_its_end(pages, account, upstream):
    old, new = ({"id": at, "type": "deduct", "amount": -1, "created_at": at} for at in (BEFORE, AT))
    replies = [Reply(body=[old]), Reply(body=[new]), Reply(body=[])]
    upstream.answers["GET /v1/dashboard/credits"] = replies
    log = pages.credit_log(account, **WINDOW, most_requests=9)
    assert ([line.id for line in log.lines], log.reaches_back) == ([AT], True)


def test_a_time_in_another_zone_is_the_same_moment(pages, account, upstream):
    entry = {"type": "deduct", "amount": -1, "created_at": "2026-11-20T18:00:00+07:00"}
    upstream.says("GET /v1/dashboard/credits", [entry, entry | {"created_at": "9999-12-31T23:59:59-07:00"}])
    lines = pages.credit_log(account, **WINDOW, most_requests=3).lines
    assert [line.at for line in lines] == [None, NOW - timedelta(hours=1)]


def test_a_log_that_breaks_off_is_no_log(pages, account, upstream):
    entry = {"type": "deduct", "amount": -1, "created_at": AT}
    upstream.answers["GET /v1/dashboard/credits"] = [Reply(body=[entry]), Reply(503, {"detail": "x"})]
    error = error_of(pages.credit_log, account, **WINDOW, most_requests=9)
    assert (type(error), error.code) == (ProviderBusy, "unavailable")


# Bodies of any shape, at every endpoint.

DEEP = json.loads('{"a": ' * 30 + "1" + "}" * 30)
ROW = {"date": "2026-11-20", "credits": 5}
SHAPES = {
    "an empty object": ({}, Reading(facts=(Fact("", "{}"),))),
    "null": (None, Reading(facts=(Fact("", None),))),
    "a number": (5, Reading(facts=(Fact("", 5),))),
    "a word": ("ok", Reading(facts=(Fact("", "ok"),))),
    "true": (True, Reading(facts=(Fact("", True),))),
    "an empty list": ([], Reading(tables=(Table("", (), ()),))),
    "an empty list under a name": ({"jobs": []}, Reading(tables=(Table("jobs", (), ()),))),
    "a list of words": (["a", "b"], Reading(tables=(Table("", ("value",), (("a",), ("b",))),))),
    "a list of lists": ([[1, 2], [3]], Reading(tables=(Table("", ("1", "2"), ((1, 2), (3, None))),))),
    "a bare list": ([{"id": 1}, {"x": "y"}], Reading(tables=(Table("", ("id", "x"), ((1, None), (None, "y"))),))),
    "a mixed list": ([{"id": 1}, 2], Reading(tables=(Table("", ("id", "value"), ((1, None), (None, 2))),))),
    "wrapped in data": ({"data": {"balance": 5}}, Reading(facts=(Fact("balance", 5),))),
    "a number in a string": ({"balance": "5"}, Reading(facts=(Fact("balance", "5"),))),
    "a fraction": ({"rate": 0.1}, Reading(facts=(Fact("rate", Decimal("0.1")),))),
    "nested": ({"a": {"b": {"c": None}}}, Reading(facts=(Fact("a.b.c", None),))),
    "wrong types": ({"jobs": 5, "total": "x"}, Reading(facts=(Fact("jobs", 5), Fact("total", "x")))),
    "a huge number": ({"n": 10**60}, Reading(facts=(Fact("n", "1" + "0" * 60),))),
    "another alphabet": ({"tên": "Hà\u202e\x00 Nội 🦊"}, Reading(facts=(Fact("tên", "Hà Nội 🦊"),))),
    "a time": ({"at": "2026-11-20T18:00:00+07:00"}, Reading(facts=(Fact("at", NOW - timedelta(hours=1)),))),
    "a list in a row": ([{"id": 1, "tags": ["a", 2]}], Reading(tables=(Table("", ("id", "tags"), ((1, "a, 2"),)),))),
    "objects by name": (
        {"by_model": {"kling": {"jobs": 1}, "veo": {"jobs": 2}}},
        Reading(tables=(Table("by_model", ("name", "jobs"), (("kling", 1), ("veo", 2))),)),
    ),
    "lists in rows": (
        {"users": [{"id": "u1", "keys": [{"name": "k"}]}]},
        Reading(tables=(Table("users", ("id",), (("u1",),)), Table("users.keys", ("id", "name"), (("u1", "k"),)))),
    ),
}  # fmt: skip


@ENDPOINTS
@pytest.mark.parametrize("shape", SHAPES)
def test_any_shape_is_shown_as_what_it_is(shape, endpoint, pages, account, upstream):
    body, expected = SHAPES[shape]
    upstream.says(f"GET /v1/{PATHS[endpoint]}", body)
    reading = pages.read(endpoint, pages.ask(account, Question(endpoint)))
    assert (reading.facts, reading.tables) == (expected.facts, expected.tables)


@pytest.mark.parametrize("body", [{"by_day": {"2026-11-20": 5, "2026-11-19": 7}}, {"2026-11-20": 5, "2026-11-19": 7}])
def test_days_with_figures_are_drawn_from_the_first_to_the_last(body, pages, account, upstream):
    upstream.says("GET /v1/dashboard/stats", body)
    (series,) = pages.read(Endpoint.STATS, pages.ask(account, Question(Endpoint.STATS))).series
    assert (series.labels, series.lines) == (("2026-11-19", "2026-11-20"), (Line("value", (7, 5)),))


def test_what_names_a_row_twice_is_not_drawn():
    pages, rows = registry.account_pages("revidapi"), [ROW, ROW]
    assert pages.read(Endpoint.STATS, Copy(json.dumps(rows))).series == ()
    assert pages.read(Endpoint.STATS, Copy(json.dumps([ROW]))).series == (
        Series("", "date", True, ("2026-11-20",), (Line("credits", (5,)),)),
    )


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("a,b\n1,x\n", ("a", "b"), ((1, "x"),)),
        ("a,b\r\n1,2\r\n", ("a", "b"), ((1, 2),)),
        ("\ufeffa\n1\n", ("a",), ((1,),)),
        ("a,b\n1\n1,2,3\n", ("a", "b"), ((1, ""), (1, 2))),
        ('a\n"x, y"\n', ("a",), (("x, y",),)),
        ("a\n0.10\n007\n-3\n", ("a",), ((Decimal("0.10"),), ("007",), (-3,))),
        ("a\n=1+1\n", ("a",), (("=1+1",),)),
        ("a\n", ("a",), ()),
        ("ok", ("ok",), ()),
        ("a;b\n1;2\n", ("a;b",), (("1;2",),)),
        ("tên\nHà Nội\n", ("tên",), (("Hà Nội",),)),
        ("a\n" + "9" * 50 + "\n", ("a",), (("9" * 50,),)),
        ("a\n2026-11-20 12:00:00\n", ("a",), ((NOW,),)),
        ("a\x00b\n1\n", ("a\N{REPLACEMENT CHARACTER}b",), ((1,),)),
    ],
)
def test_an_export_has_many_forms(text, columns, rows, pages, account, upstream):
    upstream.says("GET /v1/dashboard/stats/export", text.encode(), Content_Type="text/csv")
    (table,) = pages.read(Endpoint.EXPORT, pages.ask(account, Question(Endpoint.EXPORT))).tables
    assert (table.columns, table.rows) == (columns, rows)


def test_an_export_that_is_too_long_says_that_it_was_cut(pages, account, upstream, monkeypatch):
    monkeypatch.setattr(client, "_BODY_MAX_BYTES", 3000)
    monkeypatch.setattr(client._told, "__kwdefaults__", {"most_bytes": 3000})
    upstream.says("GET /v1/dashboard/stats/export", b"a,b\n" + b"1,2\n" * 2000)
    copy = pages.ask(account, Question(Endpoint.EXPORT))
    assert (copy.is_cut, len(copy.text)) == (True, 3000)


@ENDPOINTS
@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (200, b"<html><title>Welcome</title></html>", ProviderBusy, "busy"),
        (200, b"", ProviderBusy, "busy"),
        (200, b'{"jobs": [', ProviderBusy, "busy"),
        (204, b"", ProviderBusy, "busy"),
        (302, b"", ProviderBusy, "busy"),
        (401, {"detail": "Invalid API key"}, AccountRefused, "invalid"),
        (404, {"detail": "Not Found"}, ProviderRefused, "gone"),
        (422, [], ProviderRefused, "input"),
        (429, {"detail": "x"}, ProviderBusy, "rate"),
        (500, b"<html>", ProviderBusy, "unavailable"),
        (524, b"<html>", ProviderBusy, "unavailable"),
    ],
)
def test_what_is_no_answer_is_one_of_the_four_errors(endpoint, status, body, error, code, pages, account, upstream):
    upstream.says(f"GET /v1/{PATHS[endpoint]}", body, status)
    raised = error_of(pages.ask, account, Question(endpoint))
    assert (type(raised), raised.code) == (error, code)


def test_no_key_and_no_password_is_kept(pages, account, upstream):
    other = "sk_live_0123456789abcdef0123"
    told = {"key": KEY, "keys": [other], "key_prefix": "sk_live_012", "password": 'a"b', "access_token": "eyJ"}
    upstream.says("GET /v1/dashboard/me", told | {"pricing": [{"key": "720p-5s-fast"}]})
    copy = pages.ask(account, Question(Endpoint.ME))
    assert not any(secret in copy.text for secret in (KEY, other, "eyJ", 'a\\"b'))
    assert json.loads(copy.text)["key_prefix"] == "sk_live_012"
    assert json.loads(copy.text)["pricing"] == [{"key": "720p-5s-fast"}]


@pytest.mark.parametrize(
    "name", ["webhook_secret", "clientSecret", "secret_key", "reset_token", "hashed_password", "X-Api-Key", "apikey"]
)
def test_a_secret_is_hidden_whatever_stands_around_its_name(name, pages, account, upstream):
    upstream.says("GET /v1/dashboard/me", {name: "eyJ", "api_key_prefix": "sk_live_012"})
    assert json.loads(pages.ask(account, Question(Endpoint.ME)).text) == {
        name: "[hidden]",
        "api_key_prefix": "sk_live_012",
    }
    upstream.says("GET /v1/dashboard/stats/export", f'day,{name},note\r\n1,"e,y",\r\n2,eyJ,"a\nb"\r\n'.encode())
    copy = pages.ask(account, Question(Endpoint.EXPORT))
    assert copy.text == f'day,{name},note\n1,[hidden],\n2,[hidden],"a\nb"\n'


def test_names_of_great_length_take_no_time(pages, account, upstream):
    upstream.says("GET /v1/dashboard/me", {"a": "password" * 50_000, "tokens": "3"})
    assert json.loads(pages.ask(account, Question(Endpoint.ME)).text)["tokens"] == "3"


def test_much_is_bounded(pages):
    wide = {f"n{number}": number for number in range(1000)}
    reading = pages.read(Endpoint.ME, Copy(json.dumps({"rows": [wide] * 3000, "more": [[1]] * 50} | wide)))
    assert len(reading.facts) == 200
    first, second = reading.tables
    assert (len(first.columns), len(first.rows), first.left_out) == (40, 1000, 2000)
    assert (len(second.rows), second.left_out) == (0, 50)
    assert len(pages.read(Endpoint.ME, Copy(json.dumps("x" * 9000))).facts[0].value) == 1000


def test_what_is_very_deep_is_written_out(pages):
    (fact,) = pages.read(Endpoint.ME, Copy(json.dumps(DEEP))).facts
    assert fact.name == "a.a.a.a.a.a"
    assert fact.value.startswith('{"a": {"a"')


# Anything at all.


def is_shown(value):
    return not isinstance(value, str) or (len(value) <= 1000 and value.isprintable())


@ENDPOINTS
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, is_file=strategies.booleans())
@example(body=b"[" * 100_000, is_file=False)
@example(body=b'{"a":' * 900 + b"1" + b"}" * 900, is_file=False)
@example(body=b"[" * 900 + b"1" + b"]" * 900, is_file=False)
@example(body=b'{"n": 1' + b"0" * 5000 + b"}", is_file=False)
@example(body=b'[{"n": 1e999999999}, {"n": NaN}, {"n": -Infinity}, {"n": 0.' + b"1" * 5000 + b"}]", is_file=False)
@example(body=b'a,b\n"' + b"x" * 200_000, is_file=True)
@example(body=b'{"\\ud800": "\\udfff", "a\\u0000": "\\u0000"}', is_file=False)
def test_any_copy_is_read_and_fit_to_be_shown(endpoint, body, is_file, pages):
    copy = Copy(body.decode("utf-8", "replace"), "text/csv" if is_file else "application/json")
    reading = pages.read(endpoint, copy)
    shown = [fact.value for fact in reading.facts] + [
        cell for each in reading.tables for row in each.rows for cell in row
    ]
    assert all(map(is_shown, [*shown, reading.text[:1000]]))
    assert all(len(row) == len(table.columns) for table in reading.tables for row in table.rows)
    assert all(len(line.figures) == len(series.labels) for series in reading.series for line in series.lines)
    json.dumps([str(value) for value in shown], ensure_ascii=False).encode()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=strategies.lists(VALUES, max_size=4), body=BODIES)
def test_any_list_of_jobs_is_read(entries, body, pages):
    for text in (json.dumps({"jobs": entries}), body.decode("utf-8", "replace")):
        assert all(entry.ticket for entry in pages.job_page(Copy(text)).entries)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=strategies.lists(
        strategies.fixed_dictionaries(
            {}, optional=dict.fromkeys(("id", "job_id", "type", "amount", "balance_before", "created_at"), VALUES)
        ),
        max_size=4,
    ),
    body=BODIES,
)
def test_any_log_of_credits_is_read(entries, body, pages, account, monkeypatch):
    for text in (json.dumps({"transactions": entries}), body.decode("utf-8", "replace")):
        monkeypatch.setattr(type(pages), "ask", lambda *_, text=text, **__: Copy(text))
        log = pages.credit_log(account, **WINDOW, most_requests=3)
        assert all(line.credits == abs(line.change) for line in log.lines)
        assert log.requests <= 3
