"""Sessions that are over. Those of people and of keys lie in one table, and expired ones stay there until swept."""

from allauth.usersessions.models import UserSession
from celery import shared_task
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef

from revidweb.lib import clock

_BEGINS_S = 3600  # a session that begins is written down in two steps


@shared_task
def sweep() -> None:
    """Forget the sessions that have expired, and where those that are gone were used. Again: nothing is left to do."""
    Session.objects.filter(expire_date__lt=clock.now()).delete()
    there = Session.objects.filter(session_key=OuterRef("session_key"))
    UserSession.objects.filter(~Exists(there), last_seen_at__lt=clock.ago(_BEGINS_S)).delete()
