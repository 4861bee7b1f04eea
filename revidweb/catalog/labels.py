"""What parameters and their values are called on the page."""

from collections.abc import Collection

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from revidweb.providers.base import Mode, Param

_PARAMS: dict[str, Promise] = {
    "aspect_ratio": gettext_lazy("Aspect ratio"),
    "resolution": gettext_lazy("Resolution"),
    "quality": gettext_lazy("Quality"),
    "duration": gettext_lazy("Duration"),
    "speed": gettext_lazy("Speed"),
    "server": gettext_lazy("Server"),
    "audio": gettext_lazy("Sound"),
}
_VALUES: dict[tuple[str, str], Promise] = {
    ("resolution", "default"): gettext_lazy("Default"),
    ("quality", "low"): gettext_lazy("Low"),
    ("quality", "medium"): gettext_lazy("Medium"),
    ("quality", "high"): gettext_lazy("High"),
    ("speed", "fast"): gettext_lazy("Fast"),
    ("speed", "slow"): gettext_lazy("Slow"),
    ("speed", "standard"): gettext_lazy("Standard"),
    ("server", ""): gettext_lazy("Cheapest"),
    ("server", "default"): gettext_lazy("Default"),
    ("server", "fast"): gettext_lazy("Economy"),
    ("server", "vip2"): gettext_lazy("VIP 2 · standard"),
    ("server", "vip1"): gettext_lazy("VIP 1 · premium"),
}
_MODES: dict[tuple[str, ...], Promise] = {
    (Mode.T2I, Mode.I2I): gettext_lazy("text and image to image"),
    (Mode.T2I,): gettext_lazy("text to image"),
    (Mode.I2I,): gettext_lazy("image to image"),
    (Mode.T2V, Mode.I2V): gettext_lazy("text and image to video"),
    (Mode.T2V,): gettext_lazy("text to video"),
    (Mode.I2V,): gettext_lazy("image to video"),
    (Mode.MOTION,): gettext_lazy("motion to video"),
    (Mode.AVATAR,): gettext_lazy("speech to video"),
}


def of_param(name: str) -> str:
    """The control's label."""
    return str(_PARAMS.get(name) or name.replace("_", " ").capitalize())


def of_value(name: str, value: Param) -> str:
    """The choice's label: "5 s", "4K", "Fast"."""
    if name == "duration":
        return _("%(seconds)s s") % {"seconds": value}
    if name == "audio":
        return _("With sound") if value else _("Silent")
    if name == "resolution" and str(value).endswith("k"):
        return str(value).upper()
    return str(_VALUES.get((name, str(value)), value))


def of_modes(modes: Collection[str]) -> str:
    """From what to what, for a person: "text and image to video"; nothing where no mode is known."""
    return str(_MODES.get(tuple(mode for mode in Mode if mode in modes), ""))
