"""What the tests of exports read from a file."""

import csv
import io

from django.http import HttpResponse


def rows(answer: HttpResponse) -> list[dict[str, str]]:
    """The lines of a file that was downloaded, by the names in its head."""
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
