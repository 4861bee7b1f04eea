"""Tables as CSV files: the same bytes on both databases, and nothing in them that a spreadsheet would carry out."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import CharField, DateTimeField, F, Func, TextField, Value
from django.db.models.functions import Cast
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revidweb.accounts.models import Person
from revidweb.lib import csvfile
from revidweb.lib.csvfile import day, flag, moment, number, seconds, text, word
from tests import makers

pytestmark = pytest.mark.django_db

ON_POSTGRESQL = pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL alone")
UTC_ZONE = ZoneInfo("UTC")
WRITTEN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
HOSTILE = st.sampled_from(
    ["=", "+", "-", "@", "\t", "\r", "\n", " ", '"', ",", "'", "\ufeff", "\u00a0", "＝", "%", "\\."]
)
AS_HOSTILE = st.one_of(WRITTEN, st.lists(st.one_of(HOSTILE, WRITTEN), max_size=6).map("".join))
AT_ONE = {"deadline": None, "max_examples": 150, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


def whole(file: Iterator[bytes]) -> bytes:
    return b"".join(file)


def of_query(rows, *columns, zone=UTC_ZONE, **more) -> bytes:
    return whole(csvfile.of_query(rows, columns, zone=zone, **{"cut_off": "CUT OFF"} | more))


def of_rows(rows, *columns, zone=UTC_ZONE, **more) -> bytes:
    return whole(csvfile.of_rows(rows, columns, zone=zone, **{"cut_off": "CUT OFF"} | more))


def cells(file: bytes) -> list[list[str]]:
    """As Python's reader has them, without the head."""
    return list(csv.reader(io.StringIO(file.decode(), newline=""), strict=True))[1:]


def cell(written: str) -> str:
    """What becomes of a text that a query finds."""
    file = of_query(one(), text("a", Value(written, output_field=TextField())), word("b", Value("b")))
    return cells(file)[0][0]


def one():
    return Person.objects.filter(pk=(Person.objects.first() or makers.a_person()).pk)


def test_a_file_has_a_head_and_a_line_for_each_row_in_the_query_s_order():
    for name in ("Ada", "Ben", "Cy"):
        makers.a_person(name=name, email=f"{name}@example.test")
    file = of_query(Person.objects.order_by("-name"), text("name"), word("address", "email"))
    assert file == (b"name,address\r\nCy,cy@example.test\r\nBen,ben@example.test\r\nAda,ada@example.test\r\n")


def test_no_rows_are_a_head():
    assert of_query(Person.objects.all(), text("name")) == b"name\r\n"
    assert of_query(Person.objects.none(), text("name")) == b"name\r\n"
    assert of_rows([], text("name")) == b"name\r\n"


def test_cells_with_commas_quotes_and_line_ends_stand_in_quotes():
    person = makers.a_person(name='a "b", c\r\nd\ne\rf')
    file = of_query(Person.objects.filter(pk=person.pk), text("name"), number("id"))
    assert file == f'name,id\r\n"a ""b"", c\r\nd\ne\rf",{person.pk}\r\n'.encode()


def test_nothing_is_an_empty_cell_and_so_is_an_empty_text():
    makers.a_person(name="")
    file = of_query(Person.objects.all(), text("name"), moment("last_login"), word("word", "name"))
    assert file == b"name,last_login,word\r\n,,\r\n"
    assert of_rows([("", None, "")], text("name"), moment("last_login"), word("word")) == file


@pytest.mark.parametrize(
    "written",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\tx",
        "\rx",
        "\nx",
        "  =1",
        "\ufeff=1",
        "\u00a0-1",
        "＝1",
        "\x01=1",
        "\x1f+",
    ],
)
def test_what_a_spreadsheet_would_take_for_a_formula_begins_with_an_apostrophe(written):
    assert cell(written) == f"'{written}"


@pytest.mark.parametrize(
    "written", ["a=1", "1-2", "'=1", " a", "é=1", "_", "[x]", "|=1", "50 %", "\\.", "%s", "{0}", "\x01"]
)
def test_other_texts_stay_as_they_are(written):
    assert cell(written) == written


def test_numbers_stay_numbers():
    file = of_query(one(), number("a", Value(-5)), number("b", Value(10**12)), number("c", Value(0)))
    assert file == b"a,b,c\r\n-5,1000000000000,0\r\n"
    assert of_rows([(-5, 10**12, 0)], number("a"), number("b"), number("c")) == file


@pytest.mark.parametrize(
    ("zone", "at", "said"),
    [
        ("UTC", datetime(2026, 3, 8, 6, 30, 59, 999999, UTC), "2026-03-08T06:30:59+00:00"),
        ("America/New_York", datetime(2026, 3, 8, 6, 30, tzinfo=UTC), "2026-03-08T01:30:00-05:00"),
        ("America/New_York", datetime(2026, 3, 8, 7, 30, tzinfo=UTC), "2026-03-08T03:30:00-04:00"),
        ("America/New_York", datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "2026-11-01T01:30:00-04:00"),
        ("America/New_York", datetime(2026, 11, 1, 6, 30, tzinfo=UTC), "2026-11-01T01:30:00-05:00"),
        ("Asia/Kathmandu", datetime(2026, 1, 1, 18, 20, tzinfo=UTC), "2026-01-02T00:05:00+05:45"),
        ("America/St_Johns", datetime(2026, 1, 1, 0, 0, tzinfo=UTC), "2025-12-31T20:30:00-03:30"),
    ],
)
def test_moments_carry_the_offset_that_held_then(zone, at, said):
    makers.a_person(date_joined=at)
    file = of_query(Person.objects.all(), moment("at", "date_joined"), zone=ZoneInfo(zone))
    assert file == f"at\r\n{said}\r\n".encode()
    assert of_rows([(at,)], moment("at"), zone=ZoneInfo(zone)) == file


def test_days_flags_and_spans_are_told_as_programs_read_them():
    began = datetime(2026, 1, 1, tzinfo=UTC)
    person = makers.a_person(date_joined=began, last_login=began + timedelta(seconds=90, milliseconds=900))
    columns = (
        day("day", Value(date(2026, 1, 2))),
        flag("in", "is_active"),
        flag("staff", "is_staff"),
        seconds("took_s", F("last_login") - F("date_joined")),
    )
    file = of_query(Person.objects.filter(pk=person.pk), *columns)
    assert file == b"day,in,staff,took_s\r\n2026-01-02,true,false,90\r\n"
    assert of_rows([(date(2026, 1, 2), True, False, timedelta(seconds=90.9))], *columns) == file


def test_a_mark_for_excel_stands_ahead_of_everything():
    assert of_query(Person.objects.none(), text("name"), bom=True) == b"\xef\xbb\xbfname\r\n"


@given(st.lists(AS_HOSTILE, min_size=2, max_size=5))
@settings(**AT_ONE)
def test_both_databases_write_what_python_writes(written):
    columns = [text(f"c{n}", Value(words, output_field=TextField())) for n, words in enumerate(written)]
    assert of_query(one(), *columns) == of_rows([written], *columns)


@given(st.lists(st.tuples(AS_HOSTILE, AS_HOSTILE), max_size=20))
@settings(**AT_ONE)
def test_python_s_reader_finds_every_text_again(rows):
    read = cells(of_rows(rows, text("a"), text("b")))
    assert [[a.removeprefix("'"), b.removeprefix("'")] for a, b in read] == [
        [a.removeprefix("'"), b.removeprefix("'")] for a, b in rows
    ]
    assert not [one for row in read for one in row if one.strip().startswith(("=", "+", "-", "@"))]


def test_a_nul_breaks_nothing():
    assert of_rows([("a\x00b", "\x00=1")], text("a"), text("b")) == b"a,b\r\na\x00b,'\x00=1\r\n"


def test_the_head_comes_before_anything_is_asked(django_assert_num_queries):
    with django_assert_num_queries(0):
        file = csvfile.of_query(Person.objects.all(), [text("name")], zone=UTC_ZONE, cut_off="")
        assert next(file) == b"name\r\n"


def test_many_rows_come_in_few_pieces():
    pieces = list(csvfile.of_rows([("x" * 99,)] * 20_000, [text("a")], zone=UTC_ZONE, cut_off=""))
    assert 20 < len(pieces) < 50


def test_a_file_that_breaks_off_says_so_in_its_last_line():
    def rows() -> Iterator[tuple[str]]:
        yield ("whole",)
        raise RuntimeError

    file, got = csvfile.of_rows(rows(), [text("a")], zone=UTC_ZONE, cut_off="CUT OFF, sorry"), []
    with pytest.raises(RuntimeError):
        got.extend(file)
    assert b"".join(got).endswith(b'"CUT OFF, sorry"\r\n')


@ON_POSTGRESQL
def test_one_that_the_database_breaks_off_says_so_too():
    makers.a_person(name="no number")
    file, got = (
        csvfile.of_query(
            Person.objects.all(),
            [text("name"), number("n", Cast("name", output_field=DateTimeField()))],
            zone=UTC_ZONE,
            cut_off="CUT OFF",
        ),
        [],
    )
    with pytest.raises(Exception, match="no number"):
        got.extend(file)
    assert got == [b"name,n\r\n", b"CUT OFF\r\n"]


@ON_POSTGRESQL
def test_one_that_is_read_for_too_long_is_cut_off(monkeypatch):
    makers.a_person(name="slow")
    monkeypatch.setattr(csvfile, "LONGEST_S", 0.05)
    slow = Func(Value(5.0), function="pg_sleep", output_field=CharField())
    rows = Person.objects.all()
    file, got = csvfile.of_query(rows, [text("a", Cast(slow, CharField()))], zone=UTC_ZONE, cut_off="CUT OFF"), []
    with pytest.raises(Exception, match="statement timeout"):
        got.extend(file)
    assert got[-1] == b"CUT OFF\r\n"


def test_who_stops_reading_ends_the_statement_and_its_transaction():
    makers.a_person(name="x" * 100)
    Person.objects.bulk_create(Person(email=f"{n}@example.test", name="y" * 100) for n in range(5000))
    file = csvfile.of_query(Person.objects.order_by("pk"), [text("name")], zone=ZoneInfo("Asia/Tokyo"), cut_off="")
    assert [len(next(file)) > 0 for _ in range(2)] == [True, True]
    file.close()
    assert Person.objects.filter(name__startswith="y").update(name="z") == 5000  # neither busy nor read-only


@ON_POSTGRESQL
def test_afterwards_the_connection_is_as_it_was():
    of_query(one(), text("name"), zone=ZoneInfo("Asia/Tokyo"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('TimeZone'), current_setting('transaction_read_only')")
        assert cursor.fetchone() == ("UTC", "off")
