"""What parameters and their values are called on the page."""

from collections.abc import Collection

from django.utils.translation import gettext as _

from revidweb.providers.base import Mode, Param


def of_param(name: str) -> str:
    """The control's label."""
    words = {
        "aspect_ratio": _("Aspect ratio"),
        "resolution": _("Resolution"),
        "quality": _("Quality"),
        "duration": _("Duration"),
        "speed": _("Speed"),
        "server": _("Server"),
        "audio": _("Sound"),
    }
    return words.get(name, name.replace("_", " ").capitalize())


def of_value(name: str, value: Param) -> str:
    """The choice's label: "5 s", "4K", "Fast"."""
    if name == "duration":
        return _("%(seconds)s s") % {"seconds": value}
    if name == "audio":
        return _("With sound") if value else _("Silent")
    if name == "resolution" and str(value).endswith("k"):
        return str(value).upper()
    return _words().get((name, str(value)), str(value))


def of_modes(modes: Collection[str]) -> str:
    """From what to what, for a person: "text and image to video"; nothing where no mode is known."""
    words = {
        (Mode.T2I, Mode.I2I): _("text and image to image"),
        (Mode.T2I,): _("text to image"),
        (Mode.I2I,): _("image to image"),
        (Mode.T2V, Mode.I2V): _("text and image to video"),
        (Mode.T2V,): _("text to video"),
        (Mode.I2V,): _("image to video"),
        (Mode.MOTION,): _("motion to video"),
        (Mode.AVATAR,): _("speech to video"),
    }
    return words.get(tuple(mode for mode in Mode if mode in modes), "")


def _words() -> dict[tuple[str, str], str]:
    return {
        ("resolution", "default"): _("Default"),
        ("quality", "low"): _("Low"),
        ("quality", "medium"): _("Medium"),
        ("quality", "high"): _("High"),
        ("speed", "fast"): _("Fast"),
        ("speed", "slow"): _("Slow"),
        ("speed", "standard"): _("Standard"),
        ("server", ""): _("Cheapest"),
        ("server", "default"): _("Default"),
        ("server", "fast"): _("Economy"),
        ("server", "vip2"): _("VIP 2 · standard"),
        ("server", "vip1"): _("VIP 1 · premium"),
    }
