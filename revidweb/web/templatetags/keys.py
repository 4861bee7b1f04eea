"""How the pages of keys say when: `{% load keys %}`."""

import datetime as dt
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from revidweb.lib import clock
from revidweb.web.templatetags import house

register = template.Library()


@register.simple_tag(takes_context=True)
def ago(context: Any, moment: dt.datetime | None) -> SafeString | str:
    """How long ago it was, "3 h ago", with the moment itself as its title; after a month the day. "never" for None."""
    if moment is None:
        return _("never")
    minutes = int((clock.now() - moment).total_seconds()) // 60
    if minutes >= 31 * 1440:
        return house.local_time(context, moment, "date")
    exact = house.local_time(context, moment, "exact")
    said = f'<span class="ago">{escape(_words(minutes))}<span class="visually-hidden"> ({exact})</span></span>'
    return mark_safe(said)  # noqa: S308  (the words are escaped)


def _words(minutes: int) -> str:
    if minutes < 1:
        return _("just now")
    if minutes < 60:
        return _("%(count)s min ago") % {"count": minutes}
    if minutes < 1440:
        return _("%(count)s h ago") % {"count": minutes // 60}
    days = minutes // 1440
    return _("yesterday") if days == 1 else _("%(count)s days ago") % {"count": days}
