"""Many rows at once: COPY on PostgreSQL, `executemany` on SQLite.

What columns are not named takes the model's own default, so that a new one needs no word here. On PostgreSQL the
tables are kept for the writer alone until its transaction ends, and where the rows are many, foreign keys and indexes
are taken away and made again behind them: made again they prove every row, in a tenth of the time.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, models
from django.db.models import JSONField, Max

from revidweb.credits.models import Entry, Hold, Transfer
from revidweb.files.models import StoredFile
from revidweb.jobs.models import Attempt, Batch, Job, Output, Settlement
from revidweb.lib import bulk

Row = tuple[Any, ...]

# In the order of their foreign keys; with each the columns that its rows name.
COLUMNS: dict[type[models.Model], tuple[str, ...]] = {
    Batch: ("id", "public_id", "tenant_id", "member_id", "count", "created_at"),
    Transfer: ("id", "tenant_id", "kind", "reference", "actor", "note", "at"),
    Entry: ("id", "transfer_id", "wallet_id", "tenant_id", "kind", "credits", "balance_after"),
    Hold: (
        *("id", "wallet_id", "credits", "reference", "state", "captured", "transfer_id"),
        *("created_at", "ended_at"),
    ),
    StoredFile: (
        *("id", "public_id", "tenant_id", "member_id", "key", "purpose", "kind", "content_type", "size_bytes"),
        *("sha256", "width", "height", "duration_ms", "path", "thumb_path", "poster_path", "blur"),
        *("created_at", "deleted_at", "erased_at"),
    ),
    Job: (
        *("id", "public_id", "tenant_id", "member_id", "key_id", "batch_id", "kind", "mode", "media_model_id"),
        *("prompt", "params", "offer_id", "connection_id", "server", "price_key", "upstream_credits", "credits"),
        *("is_estimate", "hold_id", "held_on", "state", "progress", "error_code", "error", "cover_id"),
        *("created_at", "started_at", "ended_at", "changed_at", "next_look_at", "cancel_asked_at"),
    ),
    Attempt: (
        *("id", "job_id", "number", "connection_id", "credential_id", "state", "ticket", "answer"),
        *("upstream_cost_micros", "is_cost_uncertain", "sent_at", "answered_at"),
    ),
    Output: (
        *("id", "public_id", "job_id", "tenant_id", "member_id", "key_id", "kind", "media_model_id", "file_id"),
        *("created_at", "deleted_at"),
    ),
    Settlement: (
        *("id", "job_id", "tenant_id", "verdict", "credits", "upstream_cost_micros", "is_cost_uncertain", "at"),
        *("is_due", "counted_at", "counted_credits", "counted_cost_micros"),
    ),
}
_MANY = 50_000  # jobs from which on it pays to make indexes again
_MEMORY = "512MB"  # for making them


@contextmanager
def open_for(jobs: int) -> Iterator[None]:
    """Make way for the rows of so many jobs, in the caller's transaction."""
    if connection.vendor != "postgresql":
        yield
        return
    tables = [model._meta.db_table for model in COLUMNS]
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
        taken = list(_take_away(cursor, tables)) if jobs >= _MANY else []
        yield
        cursor.execute(f"SET LOCAL maintenance_work_mem = '{_MEMORY}'")
        for statement in taken:
            cursor.execute(statement)


def _take_away(cursor: Any, tables: Sequence[str]) -> Iterator[str]:
    """Drop foreign keys, unique constraints and indexes; what makes each again, in that order turned round."""
    again: list[str] = []
    for kind in ("f", "u"):
        cursor.execute(_CONSTRAINTS, [list(tables), kind])
        for table, name, definition in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
            again.append(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    cursor.execute(_INDEXES, [list(tables)])
    for name, definition in cursor.fetchall():
        cursor.execute(f'DROP INDEX "{name}"')
        again.append(definition)
    yield from reversed(again)


_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = ANY(%s::regclass[]) AND contype = %s ORDER BY 1, 2
"""
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = ANY(%s::regclass[]) AND NOT indisprimary ORDER BY 1
"""


def first_id(model: type[models.Model]) -> int:
    """The next primary key, while nobody else writes."""
    return (model._default_manager.aggregate(last=Max("pk"))["last"] or 0) + 1


def write(rows: dict[type[models.Model], list[Row]]) -> None:
    """Write and forget them, table by table."""
    for model in COLUMNS:
        if rows[model]:
            _write(model, rows[model])
            rows[model].clear()


def move_sequences() -> None:
    """Let the database's own numbers go on behind what was written. SQLite does so by itself."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for model in COLUMNS:
            name = model._meta.db_table
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [name, first_id(model) - 1 or 1])


def refresh_statistics() -> None:
    """Let the planner know what is there now."""
    with connection.cursor() as cursor:
        for model in COLUMNS:
            cursor.execute(f"ANALYZE {model._meta.db_table}")


def _constants(model: type[models.Model]) -> dict[str, Any]:
    """What stands in the columns that rows do not name."""
    fields = (field for field in model._meta.concrete_fields if field.column not in COLUMNS[model])
    return {str(field.column): _default(field) for field in fields}


def _default(field: "models.Field[Any, Any]") -> Any:
    if isinstance(field, JSONField):
        return json.dumps(field.get_default())
    return field.get_db_prep_save(field.get_default(), connection)


def _write(model: type[models.Model], rows: Sequence[Row]) -> None:
    constants = _constants(model)
    tail, columns = tuple(constants.values()), [*COLUMNS[model], *constants]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            bulk.copy(cursor, model._meta.db_table, columns, (row + tail for row in rows))
        else:
            cursor.executemany(_inserting(model, columns), [row + tail for row in rows])


def _inserting(model: type[models.Model], columns: Sequence[str]) -> str:
    names, places = ", ".join(f'"{name}"' for name in columns), ", ".join(["%s"] * len(columns))
    return f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({places})'  # noqa: S608 — names of ours
