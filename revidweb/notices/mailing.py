"""Mail what is worth a mail, in the tenant's name.

A notice is claimed before it is sent and done after it. Who dies in between sends it again: under the same
Message-ID, by which mail servers and readers know it.
"""

from datetime import timedelta
from email.utils import formataddr, parseaddr

import structlog
from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from revidweb.accounts import hosts
from revidweb.accounts.models import MemberState
from revidweb.lib import clock

from . import words
from .models import Notice
from .words import Words

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 20
GIVEN_UP_S = 86_400  # a mail that could not be sent for so long is no news any more
_LEASE_S = 900.0
_RETRY_LEAST_S, _RETRY_MOST_S = 60.0, 3600.0


@shared_task
def tick() -> None:
    """Send what is due. Of two ticks only one claims a notice; what cannot be sent comes again, ever later."""
    for notice in _claimed():
        try:
            _send(notice)
        except OSError as trouble:  # what smtplib raises, too
            _again(notice, type(trouble).__name__)
        except Exception as bug:  # one that cannot be written must not keep the others from being sent
            log.exception("notice.bug", notice=notice.public_id)
            _again(notice, type(bug).__name__)
        else:
            _plan(notice, None)


def _send(notice: Notice) -> None:
    """Mail it, if its member is still there to be told."""
    if _is_wanted(notice):
        (told,) = words.told(Notice.objects.filter(pk=notice.pk))
        _message(notice, told.words).send()


@transaction.atomic
def _claimed() -> list[Notice]:
    due = Notice.objects.filter(mail_due_at__lte=clock.now()).order_by("mail_due_at", "pk")
    taken = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST_AT_ONCE])
    Notice.objects.filter(pk__in=taken).update(mail_due_at=clock.after(_LEASE_S))
    return list(Notice.objects.select_related("row", "tenant", "member__person").filter(pk__in=taken).order_by("pk"))


def _is_wanted(notice: Notice) -> bool:
    return notice.member.state == MemberState.ACTIVE and notice.member.person.is_active


def _again(notice: Notice, reason: str) -> None:
    """Wait as long as it has waited so far, a minute at least and an hour at most; after a day no more."""
    age = clock.now() - notice.at
    log.warning("notice.mail_failed", notice=notice.public_id, reason=reason)
    if age > timedelta(seconds=GIVEN_UP_S):
        return _plan(notice, None)
    return _plan(notice, min(max(age.total_seconds(), _RETRY_LEAST_S), _RETRY_MOST_S))


def _plan(notice: Notice, after_s: float | None) -> None:
    at = None if after_s is None else clock.after(after_s)
    Notice.objects.filter(pk=notice.pk).update(mail_due_at=at)


# -- the mail --------------------------------------------------------------------------------------------------------


def _message(notice: Notice, said: Words) -> EmailMultiAlternatives:
    tenant, origin = _line(notice.tenant.name), hosts.origin(notice.tenant)
    shown = {
        "words": said,
        "tenant": tenant,
        "at": notice.at.astimezone(notice.tenant.zone),
        "link": origin + said.path,
        "all_link": origin + reverse("notices", args=[notice.tenant.slug]),
        "host": origin,
    }
    message = EmailMultiAlternatives(
        subject=_line(said.title),
        body=render_to_string("emails/notice.txt", shown),
        from_email=formataddr((tenant, _address())),
        to=[notice.member.person.email],
        headers={"Auto-Submitted": "auto-generated", "Message-ID": _message_id(notice)},
    )
    message.attach_alternative(render_to_string("emails/notice.html", shown), "text/html")
    return message


def _message_id(notice: Notice) -> str:
    return f"<{notice.public_id}@{_address().rpartition('@')[2] or 'localhost'}>"


def _address() -> str:
    """The installation's own, without a name."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def _line(text: str) -> str:
    """What people wrote, on one line: a newline in it would begin another line of the mail's head."""
    return " ".join(text.split())
