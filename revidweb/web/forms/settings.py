"""What the settings page asks for."""

from itertools import groupby

from django import forms
from django.utils.translation import gettext_lazy as _

from revidweb.accounts import tenants
from revidweb.accounts.models import JoinPolicy, Tenant

HOUSE_BLUE = "#2763d7"  # what the colour control shows while the tenant has no accent of its own
_REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")

Choices = list[tuple[str, str] | tuple[str, list[tuple[str, str]]]]


class TenantForm(forms.Form):
    """How the tenant presents itself, and the days in which it counts."""

    name = forms.CharField(label=_("Name"), max_length=80, error_messages={"required": _("Give the tenant a name.")})
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        help_text=_("Days in charts, filters and limits begin at midnight here."),
        error_messages={"invalid_choice": _("Choose a time zone from the list.")},
    )
    accent = forms.RegexField(
        r"\A#[0-9a-fA-F]{6}\Z",
        label=_("Accent colour"),
        required=False,
        widget=forms.TextInput(attrs={"type": "color"}),
        help_text=_(
            "For buttons, links and marks. It is darkened or lightened where text on it would be hard to read."
        ),
        error_messages={"invalid": _("Write the colour as # and six hex digits, #3b6fd4.")},
    )

    house_blue = HOUSE_BLUE

    def __init__(self, tenant: Tenant, *args: object, **kwargs: object) -> None:
        now = {"name": tenant.name, "time_zone": tenant.time_zone, "accent": tenant.accent or HOUSE_BLUE}
        super().__init__(*args, initial=now, **kwargs)  # type: ignore[arg-type, misc]
        self.fields["time_zone"].choices = zone_choices(tenant.time_zone)  # type: ignore[attr-defined]

    def clean_accent(self) -> str:
        """The house's own blue is no accent: it follows the house when that changes."""
        accent = str(self.cleaned_data["accent"]).lower()
        return "" if accent == HOUSE_BLUE else accent


class JoinForm(forms.Form):
    """Who may become a member without being added by hand."""

    join_policy = forms.ChoiceField(
        label=_("Who may join"),
        choices=JoinPolicy.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the three."), "invalid_choice": _("Choose one of the three.")},
    )


class HostForm(forms.Form):
    """A host name of the tenant's own."""

    host = forms.CharField(
        label=_("Host name"),
        max_length=253,
        error_messages={"required": _("Write a host name, such as studio.example.com.")},
    )

    def __init__(self, purpose: str, *args: object, **kwargs: object) -> None:
        super().__init__(*args, auto_id=f"id_{purpose}_%s", **kwargs)  # type: ignore[arg-type, misc]


class LogoForm(forms.Form):
    """The tenant's logo."""

    logo = forms.FileField(
        label=_("Logo"),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        error_messages={
            "required": _("Choose a picture first."),
            "empty": _("The file is empty. Choose another picture."),
        },
    )


def zone_choices(chosen: str) -> Choices:
    """UTC, then the cities by region; old names of the list only when one is chosen."""
    cities = sorted(zone for zone in tenants.time_zones() if zone.partition("/")[0] in _REGIONS and "/" in zone)
    first = ["UTC"] if chosen in {"UTC", *cities} else ["UTC", chosen]
    by_region = groupby(cities, key=lambda zone: zone.partition("/")[0])
    return [
        *((zone, zone) for zone in first),
        *((region, [_city(zone) for zone in zones]) for region, zones in by_region),
    ]


def _city(zone: str) -> tuple[str, str]:
    """The zone and how people read it: "America/New_York" as "New York", with its region for the closed list."""
    region, _slash, city = zone.partition("/")
    return zone, f"{city.replace('/', ', ').replace('_', ' ')} ({region})"
