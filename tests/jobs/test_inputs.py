"""What a job starts from is brought to its provider once, and no address of ours is ever sent."""

import pytest

from revidweb.connections import credentials
from revidweb.connections.models import Connection, Credential
from revidweb.files.models import StoredFile
from revidweb.jobs import dispatch, submit
from revidweb.jobs.models import Job, UploadedInput
from revidweb.lib import clock
from revidweb.providers.base import (
    AccountRefused,
    Input,
    Kind,
    Mode,
    Order,
    OutcomeUnknown,
    ProviderBusy,
    ProviderRefused,
    Receipt,
)
from tests.library.makers import a_file

from .steps import due_now, send_all, states, sweep_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _takes_uploads(real, upstream):
    upstream.takes_uploads = True


@pytest.fixture
def picture(user) -> StoredFile:
    file = a_file(user.member)
    file.save()
    return file


@pytest.fixture
def from_it(picture) -> Order:
    inputs = (Input(file_id=picture.public_id),)
    return Order(kind=Kind.IMAGE, mode=Mode.I2I, model="nano-banana", prompt="The same at night", inputs=inputs)


def order_it(user, order: Order, *, token: str = "t", count: int = 1) -> None:
    submit.submit(user, order, count=count, token=token)


def given(upstream, number: int = -1) -> Input:
    return upstream.sent[number].inputs[0]


def test_a_picture_is_brought_there_and_named_by_its_address(user, from_it, picture, upstream):
    order_it(user, from_it)
    send_all()
    assert (states(), given(upstream).url) == (["working"], "https://scripted.example/1.png")
    assert (len(upstream.uploaded[0]), given(upstream).file_id) == (picture.size_bytes, picture.public_id)
    assert upstream.keys["upload"] == ["sk_live_first"]


def test_it_is_brought_there_once(user, from_it, upstream):
    order_it(user, from_it, count=3)
    send_all()
    assert (len(upstream.uploaded), len(upstream.sent)) == (1, 3)
    assert {one.inputs[0].url for one in upstream.sent} == {"https://scripted.example/1.png"}


def test_an_old_address_is_not_trusted(user, from_it, upstream):
    order_it(user, from_it)
    send_all()
    UploadedInput.objects.update(at=clock.ago(86_401))
    order_it(user, from_it, token="later")
    send_all()
    assert [one.inputs[0].url[-5:] for one in upstream.sent] == ["1.png", "2.png"]
    assert UploadedInput.objects.get().address == "https://scripted.example/2.png"


def test_another_host_gets_its_own(user, from_it, real, upstream):
    order_it(user, from_it)
    send_all()
    credentials.keep(real, base_url="https://other.example/v1", key="sk_live_second")
    order_it(user, from_it, token="later")
    send_all()
    assert len(upstream.uploaded) == UploadedInput.objects.count() == 2
    assert given(upstream).url == "https://scripted.example/2.png"


def test_a_provider_without_uploads_gets_the_bytes_with_the_order(user, from_it, picture, upstream):
    upstream.uploads = [ProviderRefused("404", code="no_upload")]
    order_it(user, from_it)
    send_all()
    assert given(upstream).url == ""
    with given(upstream).open() as content:
        assert len(content.read()) == picture.size_bytes
    assert not UploadedInput.objects.exists()


@pytest.mark.parametrize("error", [ProviderBusy("503"), OutcomeUnknown("reset"), AccountRefused("401", code="invalid")])
def test_a_provider_that_does_not_take_it_now_gets_it_later(user, from_it, upstream, error):
    upstream.uploads = [error, "https://scripted.example/second-try.png"]
    order_it(user, from_it)
    send_all()
    assert (states(), upstream.sent) == (["queued"], [])
    Connection.objects.update(trouble="")
    due_now()
    send_all()
    assert given(upstream).url == "https://scripted.example/second-try.png"


def test_a_refused_account_is_known_before_anything_is_ordered(user, from_it, real, upstream):
    upstream.uploads = [AccountRefused("401", code="invalid")]
    order_it(user, from_it)
    send_all()
    real.refresh_from_db()
    assert real.trouble == "invalid"


def test_a_picture_that_the_provider_does_not_want_fails_the_job_at_no_cost(user, wallet, from_it, upstream):
    upstream.uploads = [ProviderRefused("too small", code="input")]
    order_it(user, from_it)
    send_all()
    job = Job.objects.get()
    wallet.refresh_from_db()
    assert (job.state, job.error_code, job.error, wallet.held) == ("failed", "input", "too small", 0)


def test_a_picture_that_was_there_and_is_refused_is_brought_anew_once(user, from_it, upstream):
    order_it(user, from_it)
    send_all()
    upstream.submits = [ProviderRefused("img_url cannot be read", code="input"), Receipt("anew")]
    order_it(user, from_it, token="later")
    send_all()
    assert states() == ["working", "queued"]
    send_all()
    assert (states(), given(upstream).url) == (["working", "working"], "https://scripted.example/2.png")


def test_a_picture_that_is_refused_twice_fails_the_job(user, from_it, upstream):
    order_it(user, from_it)
    send_all()
    upstream.submits = [ProviderRefused("img_url cannot be read", code="input")]
    order_it(user, from_it, token="later")
    send_all()
    send_all()
    job = Job.objects.latest("pk")
    assert (job.state, job.error_code, len(upstream.uploaded)) == ("failed", "input", 2)


def test_a_provider_that_does_not_take_it_for_a_day_ends_the_job(user, from_it, upstream):
    upstream.uploads = [ProviderBusy("503")]
    order_it(user, from_it)
    due_now(created_at=clock.ago(90_000))  # it waited for a slot for more than a day
    send_all()
    assert states() == ["queued"]
    due_now(started_at=clock.ago(86_401))
    send_all()
    assert Job.objects.get().error_code == "busy"


def test_an_upload_takes_the_requests_that_it_makes_and_waits_for_them(user, from_it, upstream):
    Credential.objects.update(tokens=upstream.requests.upload, refilled_at=clock.after(60))
    order_it(user, from_it)
    send_all()
    assert (states(), upstream.uploaded, upstream.sent) == (["queued"], [], [])
    Credential.objects.update(tokens=1 + upstream.requests.upload)
    due_now()
    send_all()
    assert (states(), len(upstream.uploaded)) == (["working"], 1)


def test_a_worker_that_died_after_the_upload_does_not_repeat_it(user, from_it, upstream, monkeypatch):
    begin = dispatch._begin
    monkeypatch.setattr(dispatch, "_begin", lambda job: None)  # as far as it got
    order_it(user, from_it)
    send_all()
    monkeypatch.setattr(dispatch, "_begin", begin)
    sweep_all()
    send_all()
    assert (states(), len(upstream.uploaded)) == (["working"], 1)
