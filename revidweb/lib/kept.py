"""Hot statements: written once a thread, and planned once a connection where one plan is good for all.

Django takes longer to write a statement of many columns than PostgreSQL to answer it, and PostgreSQL takes longer to
plan one of many joins than to run it. What every request asks is therefore kept, with places for its words.

`is_planned_once`: for what an index finds by its words alone, whatever they are. A list is planned anew each time, with
its words in sight: the plan that is good for the average tenant reads a million rows of a large one before it comes to
those of a small one.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import BigIntegerField, Expression, Field, Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.models.sql import UpdateQuery

_AT_ONCE = 50
M = TypeVar("M", bound=Model)
T = TypeVar("T")


class Word(Expression):
    """A place for a word in a kept statement: what is given under this name each time, as the field holds it."""

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """One parameter, which is still to be given."""
        return "%s", [self]

    def bound(self, words: dict[str, Any]) -> Any:
        """The given word as the database takes it."""
        return self.output_field.get_db_prep_value(words[self.name], connection)


class Rows(Generic[M]):
    """Rows of a model as `build` asks for them, each with what is selected along.

    build: the queryset, with a `Word` in each place for one; called once a thread. It prefetches nothing.
    """

    def __init__(self, build: "Callable[[], QuerySet[M]]", *, is_planned_once: bool = False) -> None:
        self._kept = _Once(lambda: _Model(_written(build(), is_planned_once=is_planned_once)))

    def all(self, **words: Any) -> list[M]:
        """Every row with these words in their places. One query."""
        return self._kept.here().all(words)

    def first(self, **words: Any) -> M | None:
        """The first such row; None where there is none. One query."""
        return next(iter(self.all(**words)), None)


class ByIds(Generic[M]):
    """Rows of a model by their ids, with what `build` selects along; planned once, of however many tables that is.

    A list that shows much of each row finds the ids of a page first, and then these rows.
    """

    def __init__(self, build: "Callable[[], QuerySet[M]]") -> None:
        words = [Word(f"id{place}", BigIntegerField()) for place in range(_AT_ONCE)]
        self._rows = Rows(lambda: build().filter(pk__in=words), is_planned_once=True)

    def all(self, ids: Sequence[int]) -> list[M]:
        """The rows that there are, in the order of their ids. One query for each fifty."""
        found = {row.pk: row for begin in range(0, len(ids), _AT_ONCE) for row in self._some(ids[begin:][:_AT_ONCE])}
        return [found[pk] for pk in ids if pk in found]

    def _some(self, ids: Sequence[int]) -> list[M]:
        """The last one fills the places that are left."""
        full = [*ids, *[ids[-1]] * (_AT_ONCE - len(ids))]
        return self._rows.all(**{f"id{place}": pk for place, pk in enumerate(full)})


class Values:
    """Values as `build` asks for them by `values_list`; else as `Rows`."""

    def __init__(self, build: "Callable[[], QuerySet[Any, Any]]", *, is_planned_once: bool = False) -> None:
        self._kept = _Once(lambda: _written(build(), is_planned_once=is_planned_once))

    def all(self, **words: Any) -> list[tuple[Any, ...]]:
        """Every tuple with these words in their places. One query."""
        return [tuple(columns) for columns in self._kept.here().ask(words)]


class Update:
    """A change of the rows that `build` asks for: the rows, and their new values by field, with a `Word` for each."""

    def __init__(self, build: "Callable[[], tuple[QuerySet[Any], dict[str, Any]]]") -> None:
        self._kept = _Once(lambda: _changing(*build()))

    def run(self, **words: Any) -> int:
        """Change them with these words in their places; how many they were. One statement."""
        sql, params = self._kept.here()
        with _done(sql, _bound(params, words), is_planned_once=True) as cursor:
            return int(cursor.rowcount)


def insert(rows: Sequence[Model]) -> None:
    """Write new rows of one model in one statement, and set their ids, as `bulk_create` does."""
    if not rows:
        return
    model = type(rows[0])
    words = [field.get_db_prep_save(field.pre_save(row, True), connection) for row in rows for field in _fields(model)]
    with _done(_inserting(model, len(rows), connection.vendor), words, is_planned_once=True) as cursor:
        chosen = cursor.fetchall()
    for row, (pk,) in zip(rows, chosen, strict=True):
        row.pk = pk
        row._state.adding, row._state.db = False, connection.alias


# -- what is kept ----------------------------------------------------------------------------------------------------


class _Once(Generic[T]):
    """Something made once in each thread: what Django writes with knows the thread's connection."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._local = make, threading.local()

    def here(self) -> T:
        made: T | None = getattr(self._local, "made", None)
        if made is None:
            made = self._local.made = self._make()
        return made


@dataclass(frozen=True)
class _Query:
    """A query as Django wrote it, and how it reads what comes back."""

    sql: str
    params: Sequence[Any]
    compiler: Any
    converters: dict[int, Any]
    is_planned_once: bool

    def ask(self, words: dict[str, Any]) -> Iterable[Sequence[Any]]:
        with _done(self.sql, _bound(self.params, words), is_planned_once=self.is_planned_once) as cursor:
            found = cursor.fetchall()
        told: Iterable[Sequence[Any]] = self.compiler.apply_converters(found, self.converters)
        return told if self.converters else found


def _written(rows: "QuerySet[Any, Any]", *, is_planned_once: bool) -> _Query:
    compiler: Any = rows.query.get_compiler(using=rows.db)
    sql, params = compiler.as_sql()
    converters = compiler.get_converters([column[0] for column in compiler.select])
    return _Query(sql, params, compiler, converters, is_planned_once)


def _changing(rows: "QuerySet[Any]", values: dict[str, Any]) -> tuple[str, Sequence[Any]]:
    query: Any = rows.query.chain(UpdateQuery)
    query.add_update_values(values)
    sql, params = query.get_compiler(using=rows.db).as_sql()
    return sql, params


class _Model:
    """How the columns of a query become rows of its model, as Django's own iteration does it."""

    def __init__(self, query: _Query) -> None:
        its, select = query.compiler.klass_info, query.compiler.select
        self._query, self._model = query, its["model"]
        self._own = slice(its["select_fields"][0], its["select_fields"][-1] + 1)
        self._names = [column[0].target.attname for column in select[self._own]]
        self._along = get_related_populators(its, select, connection.alias)  # type: ignore[call-arg]  # of another Django
        self._beside: list[tuple[str, int]] = list(query.compiler.annotation_col_map.items())

    def all(self, words: dict[str, Any]) -> list[Any]:
        return [self._row(columns) for columns in self._query.ask(words)]

    def _row(self, columns: Sequence[Any]) -> Any:
        row = self._model.from_db(connection.alias, self._names, columns[self._own])
        for each in self._along:
            each.populate(columns, row)
        for name, place in self._beside:
            setattr(row, name, columns[place])
        return row


@cache
def _fields(model: type[Model]) -> "Sequence[Field[Any, Any]]":
    """What is written: all but the id, which the database chooses."""
    return [field for field in model._meta.concrete_fields if not field.primary_key]


@cache
def _inserting(model: type[Model], count: int, vendor: str) -> str:
    names = ", ".join(_quoted(field.column) for field in _fields(model))
    places = f"({', '.join('%s' for _ in _fields(model))})"
    into, every = _quoted(model._meta.db_table), ", ".join(places for _ in range(count))
    return f"INSERT INTO {into} ({names}) VALUES {every} RETURNING {_quoted(model._meta.pk.column)}"  # noqa: S608 — names of ours


def _quoted(name: str | None) -> str:
    return connection.ops.quote_name(name or "")


# -- how it is run ---------------------------------------------------------------------------------------------------


def _bound(params: Sequence[Any], words: dict[str, Any]) -> list[Any]:
    return [each.bound(words) if isinstance(each, Word) else each for each in params]


@contextmanager
def _done(sql: str, params: Sequence[Any], *, is_planned_once: bool) -> Iterator[CursorWrapper]:
    """The statement, done. Where PostgreSQL is to keep its plan, its words are bound there."""
    is_bound_there = is_planned_once and connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if is_bound_there:
            cursor.cursor = psycopg.Cursor(connection.connection)
        cursor.execute(sql, params)
        if is_bound_there and connection.queries_logged:
            connection.queries_log[-1]["sql"] = sql  # this kind of cursor does not tell
        yield cursor
