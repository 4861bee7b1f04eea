"""A real HTTP server on the loopback that answers as a test says, and remembers every request whole."""

import email.parser
import email.policy
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What is answered. body: JSON unless it is bytes; lost: the connection is reset instead."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> list[tuple[str, str, str, bytes]]:
        """The parts of a form: name, file name, content type, content."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body)
        return [
            (
                part.get_param("name", header="content-disposition"),
                part.get_filename() or "",
                part.get_content_type() if part.get_filename() else "",
                part.get_payload(decode=True),
            )
            for part in message.iter_parts()
        ]


class Upstream:
    """Answers each "METHOD /path" with what the test put there: one reply, or a list to be used up."""

    def __init__(self) -> None:
        self.answers: dict[str, Reply | list[Reply]] = {}
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def says(self, line: str, body: Any = b"", status: int = 200, **headers: str) -> None:
        """Answer the request line so for ever."""
        self.answers[line] = Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def reply(self, line: str) -> Reply:
        answer = self.answers.get(line, Reply(404, {"detail": "Not Found"}))
        if isinstance(answer, list):
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer

    @property
    def lines(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _handler(upstream: Upstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5
        disable_nagle_algorithm = True

        def handle(self) -> None:
            with suppress(OSError):
                super().handle()

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            upstream.asked.append(
                Asked(self.command, self.path, headers, self.rfile.read(length), self.client_address[1])
            )
            reply = upstream.reply(f"{self.command} {self.path if query in upstream.answers else path}")
            if reply.lost:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(reply.status)
            for name, value in ({"Content-Length": str(len(reply.content))} | reply.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.content)

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def an_upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    try:
        yield upstream
    finally:
        upstream.close()
