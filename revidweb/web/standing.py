"""How a connection stands, in sentences: whether it takes orders, and if not, why and what to do."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from revidweb.connections.models import Connection, Trouble


@dataclass(frozen=True)
class Standing:
    """tone and label: of its badge. title: what is wrong, "" where nothing is; advice: what is to be done.

    since: since when; answer: in the words of who answered, or failed to; needs_key: whether another key would mend it.
    """

    tone: str
    label: str | Promise
    title: str = ""
    advice: str | Promise = ""
    since: datetime | None = None
    answer: str = ""
    needs_key: bool = False


_TROUBLES: dict[str, tuple[str | Promise, str | Promise]] = {
    Trouble.INVALID: (
        gettext_lazy("The key of %(name)s is refused"),
        gettext_lazy("Nothing is sent there until the key is replaced. What runs there is still looked after."),
    ),
    Trouble.EXHAUSTED: (
        gettext_lazy("%(name)s is out of credits"),
        gettext_lazy("Top it up there. It is tried again by itself, and what waits goes on then."),
    ),
    Trouble.LOCKED: (
        gettext_lazy("The account of %(name)s is locked"),
        gettext_lazy("Ask there why. It is tried again by itself, and what waits goes on then."),
    ),
}


def of(connection: Connection) -> Standing:
    """The worst that is to be said of it, in the order in which it would have to be mended."""
    if not connection.is_enabled:
        return _paused(connection)
    if connection.trouble:
        return _in_trouble(connection)
    if connection.failing_since:
        return _not_reached(connection)
    return _known(connection)


def hold_up(connection: Connection) -> str:
    """Why a job for it would wait, and what becomes of it, in words for everybody; "" where it takes orders."""
    if connection.takes_orders:
        return ""
    minutes = max(1, round(settings.UNROUTED_S / 60))
    named = {"name": connection.name, "minutes": minutes}
    if connection.trouble or not connection.is_enabled:
        said = ngettext(
            "%(name)s takes no orders at the moment. Jobs wait for it about %(minutes)s minute; then they fail, and "
            "nothing is charged.",
            "%(name)s takes no orders at the moment. Jobs wait for it about %(minutes)s minutes; then they fail, and "
            "nothing is charged.",
            minutes,
        )
        return said % named
    return _("%(name)s is not reached at the moment. Jobs wait here and are sent as soon as it answers.") % named


def _paused(connection: Connection) -> Standing:
    return Standing(
        tone="idle",
        label=_("Paused"),
        title=_("%(name)s is paused") % {"name": connection.name},
        advice=_("Nothing new is sent there. What runs there is still looked after."),
        since=connection.disabled_at,
    )


def _in_trouble(connection: Connection) -> Standing:
    title, advice = _TROUBLES[connection.trouble]
    return Standing(
        tone="bad",
        label=Trouble(connection.trouble).label,
        title=str(title) % {"name": connection.name},
        advice=advice,
        since=connection.trouble_since,
        answer=connection.trouble_reason,
        needs_key=connection.trouble == Trouble.INVALID,
    )


def _not_reached(connection: Connection) -> Standing:
    return Standing(
        tone="warn",
        label=_("Not reached"),
        title=_("%(name)s is not reached") % {"name": connection.name},
        advice=_("It is tried again by itself. What runs there goes on, and what waits here is sent then."),
        since=connection.failing_since,
        answer=connection.failure,
    )


def _known(connection: Connection) -> Standing:
    """It answers; the question is how well its models and prices are known."""
    if connection.synced_at is None:
        title = _("The models of %(name)s could not be read yet") if connection.sync_failure else ""
        advice = _("Nothing can be made there before. It is tried again by itself.") if title else ""
        return Standing(
            tone="bad" if title else "idle",
            label=_("First sync failed") if title else _("Reading its models"),
            title=title % {"name": connection.name} if title else "",
            advice=advice,
            answer=connection.sync_failure,
        )
    if connection.sync_failure:
        return Standing(
            tone="ok",
            label=_("Connected"),
            title=_("Not all of its models and prices could be read"),
            advice=_("What is known of them goes on to be used. It is tried again by itself."),
            answer=connection.sync_failure,
        )
    return Standing(tone="ok", label=_("Connected"))
