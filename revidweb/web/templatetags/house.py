"""Template tags of the house, available in every template. `/styleguide/` shows each in use.

Two ways to a component: `{% include "components/x.html" with … %}` where it has no body of its own, and
`{% component "x" … %}body{% endcomponent %}` where it has one. Names that begin with hx_, data_ or aria_ become
attributes of the component's main element: `hx_post=url` is written `hx-post="…"`.
"""

import datetime as dt
import html
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.forms import BoundField, widgets
from django.forms.utils import flatatt
from django.template import engines
from django.template.defaultfilters import filesizeformat
from django.utils import formats, timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from lucide.templatetags.lucide import lucide

from revidweb.catalog import labels
from revidweb.jobs.states import MOVING, State

register = template.Library()

_CONSTANTS = ("True", "False", "None")
_ATTRIBUTE_PREFIXES = ("hx_", "data_", "aria_")


# -- pictures and parts ----------------------------------------------------------------------------------------------


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, size: int = 16) -> SafeString:
    """A Lucide icon of 16 or 20 px, hidden from screen readers: put a word or an aria-label beside it."""
    svg = lucide(name, size=size, aria_hidden="true", focusable="false", stroke_width=1.75, **{"class": "icon"})
    return mark_safe(svg)  # noqa: S308  (the package's own drawing)


@register.simple_block_tag(takes_context=True)
def component(context: template.Context, content: str, part: str, **options: Any) -> SafeString:
    """The component of this name around the block's content."""
    attributes = {
        key.replace("_", "-"): options.pop(key) for key in list(options) if key.startswith(_ATTRIBUTE_PREFIXES)
    }
    inner = {
        **options,
        "content": content,
        "attrs": flatatt({key: True if value == "" else value for key, value in attributes.items()}),
        "csrf_token": context.get("csrf_token"),
    }
    return _rendered(context, f"components/{part}.html", inner)


def _rendered(context: template.Context, path: str, values: dict[str, Any]) -> SafeString:
    """The template with these values alone."""
    assert context.template is not None
    return context.template.engine.get_template(path).render(context.new(values))


@register.simple_tag(takes_context=True)
def rows(context: template.Context, path: str, **values: Any) -> SafeString:
    """What the page holds many of, by a template of Jinja2 that knows what this one does, and these values."""
    jinja: Any = engines["jinja2"]
    told = {name: value for each in context.dicts for name, value in each.items() if name not in _CONSTANTS}
    written: str = jinja.env.get_template(path).render(told | values)
    return mark_safe(written)  # noqa: S308  (Jinja2 escapes)


@register.simple_tag
def badge(state: str, label: str = "") -> SafeString:
    """A state as a badge: a job's state knows its word; for others ("ok", "warn", "bad", "idle") give one."""
    return _badge(state, str(label), get_language())


@lru_cache(maxsize=256)
def _badge(state: str, label: str, language: str | None) -> SafeString:
    words = label or (State(state).label if state in State.values else state)
    busy = format_html(' data-busy="{}"', "yes") if state in MOVING else ""
    return format_html('<span class="badge" data-state="{}"{}>{}</span>', state, busy, words)


@register.simple_tag
def options(choices: Iterable[Any]) -> SafeString:
    """The choices (value, label, is_chosen, is_possible, reason) of a list that opens: hundreds cost little so."""
    return mark_safe("".join(map(_option, choices)))  # noqa: S308  (each is escaped)


def _option(choice: Any) -> str:
    is_possible = getattr(choice, "is_possible", True) is not False
    reason = getattr(choice, "reason", "")
    label = choice.label if is_possible or not reason else f"{choice.label} · {reason}"
    marks = (" selected" if choice.is_chosen else "") + ("" if is_possible else " disabled")
    return f'<option value="{html.escape(str(choice.value))}"{marks}>{html.escape(str(label))}</option>'


@register.simple_tag
def ratio_icon(ratio: str) -> SafeString:
    """The outline of an aspect ratio such as "16:9", 24 px at its longer side; nothing for other words."""
    wide, _colon, high = ratio.partition(":")
    if not (wide.isdecimal() and high.isdecimal() and int(wide) and int(high)):
        return mark_safe("")
    scale = 20 / max(int(wide), int(high))
    width, height = round(int(wide) * scale, 1), round(int(high) * scale, 1)
    return format_html(
        '<svg class="icon" width="24" height="24" viewBox="0 0 24 24" aria-hidden="true" fill="none" '
        'stroke="currentColor" stroke-width="1.6"><rect x="{}" y="{}" width="{}" height="{}" rx="2"/></svg>',
        *(f"{number:g}" for number in ((24 - width) / 2, (24 - height) / 2, width, height)),
    )


# -- form fields -----------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def field(context: template.Context, bound: BoundField, **options: Any) -> SafeString:
    """A form field with label, hint and error, wired for screen readers.

    options: label, hint, prefix, suffix, counter (characters allowed), note (right of the label), and any attribute
    of the control such as rows, placeholder, autofocus or hx_get. Where a field was refused, none has autofocus: the
    first wrong one is focused (static/js/focus.js). Nor has any in a form that is swapped in: browsers complain.
    """
    is_swapped_in = bool(getattr(context.get("request"), "htmx", False))
    if bound.form.is_bound and (is_swapped_in or any(other.errors for other in bound.form)):
        options.pop("autofocus", None)
    named = {key: options.pop(key, "") for key in ("label", "hint", "prefix", "suffix", "counter", "note", "look")}
    hint = named["hint"] or bound.help_text
    kind = _kind(bound, named["look"])
    values = named | {
        "bound": bound,
        "kind": kind,
        "hint": hint,
        "label": named["label"] or bound.label,
        "control": bound.as_widget(attrs=_control_attributes(bound, kind, hint, named["counter"], options)),
    }
    return _rendered(context, "components/field.html", values)


_KINDS: tuple[tuple[type[widgets.Widget], str], ...] = (
    (widgets.HiddenInput, "hidden"),
    (widgets.RadioSelect, "radios"),
    (widgets.CheckboxSelectMultiple, "radios"),
    (widgets.CheckboxInput, "checkbox"),
    (widgets.Select, "select"),
    (widgets.Textarea, "textarea"),
)


def _kind(bound: BoundField, look: str) -> str:
    """Which of the controls it is; `look` may ask for a switch or a slider."""
    return look or next((kind for widget, kind in _KINDS if isinstance(bound.field.widget, widget)), "input")


def _control_attributes(
    bound: BoundField, kind: str, hint: Any, counter: str | int, options: dict[str, Any]
) -> dict[str, Any]:
    """Class, description and validity of the control, and what the template asked for."""
    told = [f"{bound.auto_id}_hint"] * bool(hint) + [f"{bound.auto_id}_error"] * bool(bound.errors)
    attributes: dict[str, Any] = {"class": kind} | {key.replace("_", "-"): value for key, value in options.items()}
    if told:
        attributes["aria-describedby"] = " ".join(told)
    if bound.errors:
        attributes["aria-invalid"] = "true"
    if counter:
        attributes["data-counter"] = f"{bound.auto_id}_count"
        attributes["data-limit"] = str(counter)
    return attributes


# -- numbers, sizes, times -------------------------------------------------------------------------------------------


@register.filter
def figure(number: int | Decimal) -> str:
    """A number with separators: 12,480. Below zero with a true minus sign."""
    size: int | Decimal = -number if number < 0 else number
    told = _grouped(size, get_language()) if isinstance(size, int) else formats.number_format(size, force_grouping=True)
    return f"−{told}" if number < 0 else told


@lru_cache(maxsize=4096)  # of whole numbers: 1.5 and 1.50 are equal, and written differently
def _grouped(size: int, language: str | None) -> str:
    return formats.number_format(size, force_grouping=True)


@register.filter
def credits(number: int) -> str:
    """A number of credits with its unit: "1 credit", "12,480 credits"."""
    return ngettext("%(figure)s credit", "%(figure)s credits", abs(number)) % {"figure": figure(number)}


@register.filter
def server_word(server: str) -> str:
    """A provider's server as people read it everywhere: "fast" is "Economy"."""
    return labels.of_value("server", server)


@register.filter
def duration(seconds: float | dt.timedelta | None) -> str:
    """How long something took, in seconds or as a timedelta: "22 s", "1 m 12 s", "2 h 5 m"; nothing for None."""
    if seconds is None:
        return ""
    total = round(seconds.total_seconds() if isinstance(seconds, dt.timedelta) else seconds)
    minutes, rest = divmod(total, 60)
    if minutes >= 60:
        return _("%(hours)d h %(minutes)d m") % {"hours": minutes // 60, "minutes": minutes % 60}
    if minutes:
        return _("%(minutes)d m %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    return _("%(seconds)d s") % {"seconds": rest}


@register.filter
def clip(duration_ms: int | None) -> str:
    """A clip's length in milliseconds as players write it: "0:05"; nothing for None."""
    if duration_ms is None:
        return ""
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    return f"{minutes}:{seconds:02d}"


@register.filter
def at_height(picture: Any, height_px: int | str) -> dict[str, int]:
    """The box of a picture (anything with width and height) in a row of this height, 214 px when none is said."""
    height = int(height_px or 214)
    return {"width": max(1, round(height * picture.width / picture.height)), "height": height}


@register.filter
def size(size_bytes: int) -> str:
    """A file's size: "1.2 MB"."""
    return filesizeformat(size_bytes)


@register.simple_tag(takes_context=True)
def local_time(context: Any, moment: dt.datetime | None, style: str = "full") -> SafeString:
    """A moment in the tenant's time zone; style: full, date, time or exact (with seconds). Nothing for None."""
    if moment is None:
        return mark_safe("")
    zone = _zone_of(context)
    local = moment.astimezone(zone)
    day, clock = _day(local.date(), get_language()), f"{local:%H:%M:%S}"
    exact = f"{day}, {clock}"
    shown = {"date": day, "time": clock[:5], "full": exact[:-3], "exact": exact}[style]
    return mark_safe(  # noqa: S308  (of a date and a zone)
        f'<time datetime="{moment.isoformat(timespec="seconds")}" title="{exact} {zone}">{shown}</time>'
    )


def _zone_of(context: Any) -> dt.tzinfo:
    frame = context.get("frame")
    tenant = (frame.actor.tenant if frame.actor else frame.visited) if frame else None
    return tenant.zone if tenant else timezone.get_current_timezone()


@lru_cache(maxsize=1024)
def _day(day: dt.date, language: str | None) -> str:
    """A day as people write it: "28 Nov 2026". Django takes longer to write one than a row of a table may."""
    return escape(formats.date_format(day, "j M Y"))
