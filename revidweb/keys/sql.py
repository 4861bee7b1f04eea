"""One statement each where the ORM takes more; PostgreSQL and SQLite read them alike."""

from django.db import connection

_COUNT_REQUEST = """
INSERT INTO keys_keyrate AS rate (key_id, minute, requests) VALUES (%(key)s, %(minute)s, 1)
ON CONFLICT (key_id) DO UPDATE SET
  requests = CASE WHEN rate.minute >= excluded.minute THEN rate.requests + 1 ELSE 1 END,
  minute = CASE WHEN rate.minute >= excluded.minute THEN rate.minute ELSE excluded.minute END
WHERE rate.minute < excluded.minute OR rate.requests < %(most)s
RETURNING requests
"""


def count_request(key_id: int, *, minute: int, most: int) -> int | None:
    """Count a request of the key in this minute: how many it are now, None and uncounted where `most` were made.

    A machine whose clock is behind counts in the minute that another one has begun. most: at least 1.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_REQUEST, {"key": key_id, "minute": minute, "most": most})
        row = cursor.fetchone()
    return int(row[0]) if row else None
