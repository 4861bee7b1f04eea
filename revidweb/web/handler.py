"""How the web server's requests become Django's."""

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest


class Utf8Request(WSGIRequest):
    """A request whose words are UTF-8, whatever charset its header claims.

    Our pages send nothing else. Python's other codecs make words that no database takes (half characters), and some
    fail on any text before a middleware could answer.
    """

    @property
    def encoding(self) -> str | None:
        """None: Django's default, UTF-8."""
        return None

    @encoding.setter
    def encoding(self, charset: str | None) -> None:
        """Let the claim pass unheard."""


class Handler(WSGIHandler):
    """Django's way in, with these requests."""

    request_class = Utf8Request
