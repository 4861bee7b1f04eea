"""Mail: once for each notice that is worth one, again when the server fails, never to who is gone."""

import smtplib

import pytest
from django.core import mail

from revidweb.accounts.models import MemberState
from revidweb.lib import clock
from revidweb.notices import mailing, telling
from revidweb.notices.models import Notice
from revidweb.trail import trail
from revidweb.trail.models import TrailRow
from tests import makers
from tests.keys.makers import a_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def notice() -> Notice:
    member = makers.a_member(makers.a_tenant(name="Blue\nStudio", time_zone="Asia/Tokyo"))
    key = a_key(member, name="Shop").key
    facts = {"limit": "day", "used": 80, "most": 100, "period": "2026-11-20"}
    trail.record("key.limit_near", about=key.reference, tenant=member.tenant.public_id, **facts)
    telling.tick()
    return Notice.objects.get()


def the_server_fails(monkeypatch, error: Exception) -> None:
    def send(*args, **kwargs):
        raise error

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", send)


def due_again() -> None:
    Notice.objects.filter(mail_due_at__isnull=False).update(mail_due_at=clock.ago(1))


def test_an_alert_is_mailed_once(notice):
    mailing.tick()
    mailing.tick()
    (sent,) = mail.outbox
    assert sent.to == [notice.member.person.email]
    assert sent.subject == "“Shop” has used 80 % of its limit for today"
    assert sent.from_email == "Blue Studio <revidweb@localhost>"
    assert Notice.objects.get().mail_due_at is None


def test_it_says_what_happened_and_where_to_look(notice):
    mailing.tick()
    (sent,) = mail.outbox
    html = sent.alternatives[0][0]
    for body in (sent.body, html):
        assert "80 of 100 credits are used." in body
        assert f"http://localhost:8000/t/{notice.tenant.slug}/keys/key_" in body
        assert f"/t/{notice.tenant.slug}/notices/" in body
    assert "“Shop”" in html


def test_the_servers_and_readers_know_it_by_its_id(notice):
    mailing.tick()
    assert mail.outbox[0].extra_headers["Message-ID"] == f"<{notice.public_id}@localhost>"
    assert mail.outbox[0].extra_headers["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("error", [smtplib.SMTPServerDisconnected(), ConnectionRefusedError(), TimeoutError()])
def test_what_the_server_does_not_take_comes_again(notice, monkeypatch, error):
    with monkeypatch.context() as patched:
        the_server_fails(patched, error)
        mailing.tick()
    assert mail.outbox == []
    wait_s = (Notice.objects.get().mail_due_at - clock.now()).total_seconds()
    assert 55 < wait_s <= 60
    due_again()
    mailing.tick()
    assert len(mail.outbox) == 1


def test_one_that_cannot_be_written_holds_no_other(notice):
    row = TrailRow.objects.get(pk=notice.row_id)
    trail.record("key.limit_near", about=row.about, tenant=notice.tenant.public_id, **row.facts | {"period": "later"})
    telling.tick()
    TrailRow.objects.filter(pk=row.pk).update(facts={})
    mailing.tick()
    assert len(mail.outbox) == 1
    broken = Notice.objects.get(pk=notice.pk)
    assert broken.mail_due_at > clock.after(30)
    assert not Notice.objects.exclude(pk=notice.pk).filter(mail_due_at__isnull=False).exists()


def test_after_a_day_it_is_given_up(notice, monkeypatch):
    the_server_fails(monkeypatch, ConnectionRefusedError())
    Notice.objects.update(at=clock.ago(86_401))
    mailing.tick()
    assert Notice.objects.get().mail_due_at is None


def test_who_dies_while_sending_leaves_it_to_be_sent_again_later(notice, monkeypatch):
    with monkeypatch.context() as patched:
        the_server_fails(patched, SystemExit())
        with pytest.raises(SystemExit):
            mailing.tick()
    mailing.tick()
    assert mail.outbox == []  # it may be under way
    due_again()
    mailing.tick()
    assert len(mail.outbox) == 1


def test_two_rounds_at_once_send_one(notice, monkeypatch):
    send = mailing._message

    def with_another_round(*args):
        mailing.tick()
        return send(*args)

    monkeypatch.setattr(mailing, "_message", with_another_round)
    mailing.tick()
    assert len(mail.outbox) == 1


def test_who_left_meanwhile_gets_none(notice):
    type(notice.member).objects.filter(pk=notice.member_id).update(state=MemberState.REMOVED)
    mailing.tick()
    assert mail.outbox == []
    assert Notice.objects.get().mail_due_at is None
