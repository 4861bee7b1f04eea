"""Every component in every state, for whoever changes the system."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from revidweb.accounts import actors, members
from revidweb.jobs.states import State
from revidweb.lib import clock
from revidweb.web.templatetags.house import credits
from revidweb.web.views import styleguide_charts


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label=_("Name"), help_text=_("As others see it."), max_length=80)
    prompt = forms.CharField(label=_("Prompt"), widget=forms.Textarea)
    address = forms.EmailField(label=_("E-mail address"))
    amount = forms.IntegerField(label=_("Credits"), min_value=1)
    role = forms.ChoiceField(label=_("Role"), choices=[("user", _("User")), ("admin", _("Admin"))])
    payer = forms.ChoiceField(
        label=_("Payer"), choices=[("own", _("Own wallet")), ("house", _("The house"))], widget=forms.RadioSelect
    )
    audio = forms.BooleanField(label=_("With audio"), help_text=_("Costs 10 credits more."), required=False)
    alarms = forms.BooleanField(label=_("Tell me when credits run low"), required=False)
    closed = forms.CharField(label=_("Address"), disabled=True, initial="aurora")


@dataclass(frozen=True)
class Choice:
    """A choice as the segmented control and the select take it."""

    value: str
    label: str | Promise
    is_chosen: bool = False
    is_possible: bool = True
    reason: str | Promise = ""


@dataclass(frozen=True)
class Picture:
    """A stored file as a tile takes it."""

    width: int
    height: int
    blur: str = ""
    duration_ms: int | None = None


_RATIOS = [Choice("1:1", "1:1"), Choice("16:9", "16:9", is_chosen=True), Choice("9:16", "9:16"), Choice("4:3", "4:3")]
_RESOLUTIONS = [
    Choice("1k", "1k"),
    Choice("2k", "2k", is_chosen=True),
    Choice("4k", "4k", is_possible=False, reason=_("4k is made at slow speed only")),
]
_KINDS = [
    {"href": "#tabs", "label": _("Image"), "is_current": True},
    {"href": "#tabs-video", "label": _("Video"), "is_current": False},
]
_TABS = [
    {"href": "#tabs", "label": _("All"), "is_current": True, "count": 1438},
    {"href": "#tabs-failed", "label": _("Failed"), "is_current": False, "count": 27},
    {"href": "#tabs-running", "label": _("Running"), "is_current": False, "count": 0},
]
_TONES = [("ok", _("Connected")), ("warn", _("Near its limit")), ("bad", _("Exhausted")), ("idle", _("Paused"))]
_SWATCHES = [
    "ground",
    "surface",
    "raised",
    "line",
    "ink",
    "ink-2",
    "ink-3",
    "accent",
    "accent-soft",
    "ok",
    "warn",
    "bad",
    "chart-2",
    "chart-3",
    "chart-4",
    "chart-5",
    "chart-rest",
]
_USE_INCLUDE = '{% include "components/progress.html" with percent=62 label=job.prompt %}'
_USE_COMPONENT = """{% component "card" title=_("Latest") hx_get=url %}
  {% field form.prompt counter=5000 %} {% badge job.state %} {% icon "download" %}
{% endcomponent %}"""
_BLUR = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='8' height='5'%3E%3Crect width='8' height='5' "
    "fill='%23{}'/%3E%3Ccircle cx='6' cy='1.500' r='1.500' fill='%23{}'/%3E%3C/svg%3E"
)
_PICTURES = [
    {
        "file": Picture(1920, 1080, _BLUR.format("35477d", "c9b48a")),
        "prompt": _("Salt flats at first light, long lens"),
    },
    {"file": Picture(1024, 1024, _BLUR.format("c9582b", "ffd9a0")), "prompt": _("Ceramic teapot, studio light")},
    {
        "file": Picture(1080, 1920, _BLUR.format("7d8f3a", "f4ffb0"), duration_ms=5000),
        "prompt": _("Lantern market at dusk"),
        "selected": True,
    },
    {"file": Picture(1600, 1200, _BLUR.format("1f6b66", "b6e3d2")), "prompt": _("Mountain hut, first snow")},
]


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """The page; 404 for everybody but staff. Staff who are members of a tenant see the frame around it."""
    if not getattr(request.user, "is_staff", False):
        raise Http404
    _put_into_frame(request)
    return render(request, "styleguide/page.html", _samples())


def _put_into_frame(request: HttpRequest) -> None:
    member = members.first_of(request.user) if request.user.is_authenticated else None
    if member:
        request.actor = actors.of(member)  # type: ignore[attr-defined]


def _samples() -> dict[str, Any]:
    wrong = SampleForm(
        {"name": "", "prompt": "x", "address": "ada@", "amount": "0", "role": "owner"}, auto_id="wrong_%s"
    )
    wrong.add_error(None, _("Too few credits: this needs 60, 12 are free."))
    return {
        "form": SampleForm(initial={"prompt": "Paper boats on a canal at dusk", "role": "user", "payer": "own"}),
        "wrong": wrong,
        "states": State.values,
        "tones": _TONES,
        "ratios": _RATIOS,
        "resolutions": _RESOLUTIONS,
        "kinds": _KINDS,
        "tabs": _TABS,
        "pictures": _PICTURES,
        "now": clock.now(),
        "swatches": _SWATCHES,
        "type_sizes": (12, 13, 14, 16, 20, 28),
        "use_include": _USE_INCLUDE,
        "use_component": _USE_COMPONENT,
        "words": ["nano-banana-pro", "2k", credits(30)],
        "tile_actions": render_to_string("styleguide/tile_actions.html"),
        **styleguide_charts.samples(),
    }
