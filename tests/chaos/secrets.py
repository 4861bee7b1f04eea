"""The secrets of a run, and where they must not stand."""

import json
import sqlite3
from pathlib import Path

import psycopg
from psycopg import sql

from tests.processes import Processes

KEPT_APART = ("secrets", "demo.json")  # what holds them on purpose, readable by the owner alone


def of(house: Processes, *keys: str) -> list[str]:
    """Every word of this installation that nobody else may read: keys, passwords, what signs and what seals."""
    demo = json.loads((house.folder / "demo.json").read_text())
    passwords = [demo[who]["password"] for who in ("owner", "member")]
    own = [path.read_text().strip() for path in (house.folder / "secrets").iterdir()]
    return [*keys, *passwords, *own]


def found_in(house: Processes, words: list[str]) -> list[str]:
    """The places in which one of them stands: files of the data folder (logs, mail, messages), rows of the database."""
    places = [str(path.relative_to(house.folder)) for path in _files(house.folder) if _holds(path.read_bytes(), words)]
    return places + [table for table, rows in _tables(house).items() if _holds(rows, words)]


def _files(folder: Path) -> list[Path]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in paths if path.relative_to(folder).parts[0] not in KEPT_APART]


def _holds(content: bytes, words: list[str]) -> bool:
    return any(word.encode() in content for word in words)


def _tables(house: Processes) -> dict[str, bytes]:
    """All rows as text, by table."""
    url = house.env.get("DATABASE_URL", "")
    return _dumped_postgres(url) if url else _dumped_sqlite(house.folder)


def _dumped_sqlite(folder: Path) -> dict[str, bytes]:
    dumps = {}
    for path in folder.glob("*.sqlite3"):
        with sqlite3.connect(path) as database:
            dumps[path.name] = "\n".join(database.iterdump()).encode()
    return dumps


def _dumped_postgres(url: str) -> dict[str, bytes]:
    with psycopg.connect(url) as database:
        names = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {name: _copied(database, name) for (name,) in names}


def _copied(database: "psycopg.Connection[tuple[str]]", table: str) -> bytes:
    with database.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as rows:
        return b"".join(bytes(row) for row in rows)
