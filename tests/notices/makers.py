"""Receivers of webhooks, and what there is to tell them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from revidweb.credits.models import Hold
from revidweb.jobs import settle
from revidweb.jobs.models import Job
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from revidweb.notices import events, sending, webhooks
from revidweb.notices.models import Delivery
from tests.keys.makers import a_key
from tests.library import makers as library


@dataclass(frozen=True)
class Request:
    """One request as it arrived. headers: by their names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        return json.loads(self.body)


class Receiver:
    """A real HTTP server on the loopback. answers: (status, headers), the last one again and again."""

    def __init__(self) -> None:
        self.got: list[Request] = []
        self.answers: list[tuple[int, dict[str, str]]] = [(200, {})]
        self.body = b"thanks"
        self.hold = threading.Event()  # while it is clear, nobody is answered
        self.hold.set()
        self.came = threading.Semaphore(0)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def url(self, path: str = "/hooks") -> str:
        return f"http://{self.host}{path}"

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(receiver: "Receiver") -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append(Request(self.path, headers, body))
                receiver.came.release()
                receiver.hold.wait(20)
                status, more = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                self.send_response(status)
                for name, value in {"Content-Length": str(len(receiver.body)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(receiver.body)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@contextmanager
def a_receiver(settings: Any) -> Iterator[Receiver]:
    """One that may be dialled."""
    receiver = Receiver()
    settings.PRIVATE_HOSTS = settings.PRIVATE_HOSTS | {receiver.host}
    try:
        yield receiver
    finally:
        receiver.close()


def an_ended_job(url: str, key: ApiKey | None = None, *, failed: bool = False, **fields: Any) -> Job:
    """A key's job that names a receiver and has ended: done with one picture, or failed."""
    key = key or a_key().key
    fields = {"key": key, "held_on": date(2026, 11, 20), "callback_url": url} | fields
    ApiKey.objects.filter(pk=key.pk).update(
        moving=1, day_credits=4, week_credits=4, month_credits=4, lifetime_credits=4
    )
    job = library.a_job(key.member, **fields)
    if failed:
        settle.fail(job, code="moderation", error="Not this.")
    else:
        settle.finish(job, [library.a_file(key.member)])
    return Job.objects.get(pk=job.pk)


def others_like(job: Job, count: int) -> None:
    """So many more jobs that ended as this one did."""
    names = [f"{job.public_id}_{number}" for number in range(count)]
    hold = {"wallet": job.hold.wallet, "credits": job.credits, "state": "released", "ended_at": job.ended_at}
    holds = Hold.objects.bulk_create(Hold(reference=f"job:{name}", **hold) for name in names)
    same = {field.name: getattr(job, field.name) for field in Job._meta.concrete_fields if field.name != "id"}
    Job.objects.bulk_create(
        Job(**same | {"public_id": name, "hold": hold}) for name, hold in zip(names, holds, strict=True)
    )


def a_delivery(url: str, key: ApiKey | None = None, **fields: Any) -> Delivery:
    """A test event that is due, as if it were a job's: tried more than once."""
    delivery = events.a_test(key or a_key().key, url)
    for name, value in ({"event": "job.completed"} | fields).items():
        setattr(delivery, name, value)
    delivery.save(force_insert=True)
    return delivery


def send_due() -> list[sending.Answer]:
    """Send what is due, here and now, one after the other."""
    return [sending.send(one, one.lease_until) for one in webhooks.claim(100)]


def due_now() -> None:
    Delivery.objects.update(next_try_at=clock.ago(1), lease_until=None)
