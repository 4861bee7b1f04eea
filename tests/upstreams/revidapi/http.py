"""The wire: requests as values in, answers as values out, over real sockets with keep-alive."""

import contextlib
import json
import re
import socket
import socketserver
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from .records import UpstreamAccount

PHRASES = {status.value: status.phrase for status in HTTPStatus}
Delivery = Literal["whole", "cut", "reset", "close"]


@dataclass(frozen=True)
class Part:
    """One part of a multipart body. `filename` is "" for a plain field."""

    name: str
    body: bytes
    filename: str = ""
    content_type: str = ""


@dataclass
class Request:
    """One request. `path` is decoded; `account` and `key` are set once it is known whose it is."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    account: UpstreamAccount | None = None
    key: str = ""

    def parts(self) -> list[Part]:
        """The fields and files of a form, in their order; none for a body that is no form."""
        kind, _, rest = self.headers.get("content-type", "").partition(";")
        if kind.strip() == "application/x-www-form-urlencoded":
            form = parse_qs(self.body.decode(), keep_blank_values=True)
            return [Part(name, value.encode()) for name, values in form.items() for value in values]
        boundary = re.search(r'boundary="?([^";]+)', rest)
        if kind.strip() != "multipart/form-data" or boundary is None:
            return []
        pieces = (b"\r\n" + self.body).split(b"\r\n--" + boundary[1].encode())
        return [_part(piece.removeprefix(b"\r\n")) for piece in pieces[1:-1]]


@dataclass(frozen=True)
class Answer:
    """One answer. `content` is JSON (anything but str and bytes), a page (str) or a file (bytes).

    delivery: "cut" sends half and closes, "reset" and "close" send nothing. wait_s: how long it is held back.
    """

    status: int
    content: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    delivery: Delivery = "whole"
    wait_s: float = 0

    def body(self) -> bytes:
        """The content as it goes over the wire."""
        if isinstance(self.content, bytes):
            return self.content
        if isinstance(self.content, str):
            return self.content.encode()
        return json.dumps(self.content, ensure_ascii=False).encode()

    def type(self) -> str:
        """The Content-Type header."""
        if self.content_type:
            return self.content_type
        return "text/html; charset=UTF-8" if isinstance(self.content, str) else "application/json"


def _part(piece: bytes) -> Part:
    head, _, body = piece.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    disposition = headers.get("content-disposition", "")
    name = re.search(r'\bname="([^"]*)"', disposition)
    filename = re.search(r'filename="([^"]*)"', disposition)
    kind = headers.get("content-type", "")
    return Part(name[1] if name else "", body, filename[1] if filename else "", kind)


class Server(ThreadingHTTPServer):
    """Threads on a loopback port that hand every request to `respond`. What `respond` raises is kept in `bugs`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, port: int, respond: Callable[[Request], Answer]) -> None:
        self.respond = respond
        self.stopping = threading.Event()
        self.bugs: list[str] = []
        self._open: set[socket.socket] = set()
        self._resetting: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listening: threading.Thread | None = None
        super().__init__(("127.0.0.1", port), Handler)

    def start(self) -> None:
        """Listen, in a thread of its own."""
        self._listening = threading.Thread(target=self.serve_forever, args=[0.01], name="stand-in", daemon=True)
        self._listening.start()

    def server_bind(self) -> None:
        """Bind without asking a name server who 127.0.0.1 is."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        """Remember who is connected, so that stopping can end it."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Forget a connection that has ended. One that is to be reset gets no polite goodbye first."""
        with self._lock:
            self._open.discard(request)
            is_reset = request in self._resetting
            self._resetting.discard(request)
        if is_reset:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def reset(self, connection: socket.socket) -> None:
        """Let a connection end with a reset."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with self._lock:
            self._resetting.add(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news; anything else is."""
        if not isinstance(sys.exception(), OSError):
            self.bugs.append(traceback.format_exc())

    def stop(self) -> None:
        """End the listening and every connection; whoever sleeps in an answer wakes up. Twice is once."""
        self.stopping.set()
        if self._listening:
            self.shutdown()
            self._listening.join()
        self.server_close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, writes answers."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True

    def answer(self) -> None:
        """Answer any method."""
        request = self._read()
        if request is None:
            return self._write(Answer(411, {"detail": "Length Required"}), close=True)
        try:
            answer = self.server.respond(request)
        except Exception:
            self.server.bugs.append(traceback.format_exc())
            answer = Answer(500, {"detail": "The stand-in has a bug"})
        return self._deliver(answer)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every `do_<METHOD>` that the base class looks for."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing; the stand-in keeps its own list of calls."""

    def log_error(self, *args: object) -> None:
        """Say nothing."""

    def _read(self) -> Request | None:
        """The whole request; None when it does not say how long it is."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return None
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, unquote(address.path), query, headers, body)

    def _deliver(self, answer: Answer) -> None:
        if answer.wait_s:
            self.server.stopping.wait(answer.wait_s)
        if answer.delivery == "reset":
            self.server.reset(self.connection)
        if answer.delivery in {"reset", "close"} or self.server.stopping.is_set():
            self.close_connection = True
        else:
            self._write(answer, close=answer.delivery == "cut")

    def _write(self, answer: Answer, *, close: bool) -> None:
        """Send head and body in one go, the body's first half only when it is to be cut."""
        body = answer.body()
        headers = {"Content-Type": answer.type(), "Content-Length": str(len(body))} | dict(answer.headers)
        if close:
            headers["Connection"] = "close"
            self.close_connection = True
        lines = [f"HTTP/1.1 {answer.status} {PHRASES.get(answer.status, 'Error')}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        sent = b"" if self.command == "HEAD" else body[: len(body) // 2] if answer.delivery == "cut" else body
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + sent)
