"""For which of the tenant's days two books are held against each other."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from revidweb.catalog.params import Choice

FREE = "free"
_DAYS = {"yesterday": (1, 1), "7": (6, 0), "30": (29, 0)}  # the first and the last, so many days ago


def _spans() -> dict[str, str]:
    return {
        "yesterday": _("Yesterday"),
        "7": _("7 days"),
        "30": _("30 days"),
        FREE: _("Other days"),
    }


class RangeForm(forms.Form):
    """A usual range, or the first and the last day."""

    span = forms.ChoiceField(choices=lambda: list(_spans().items()))
    first_day = forms.DateField(
        required=False, label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last_day = forms.DateField(
        required=False, label=gettext_lazy("To"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, today: date, **options: Any) -> None:
        super().__init__(*args, **options)
        self._today = today

    @property
    def spans(self) -> list[Choice]:
        """The usual ranges, and one's own."""
        chosen = self["span"].value() or "7"
        return [Choice(value, label, is_chosen=value == chosen) for value, label in _spans().items()]

    def clean(self) -> dict[str, Any]:
        """Both days, whichever way they were chosen."""
        asked = self.cleaned_data
        if asked.get("span") in _DAYS:
            first, last = _DAYS[asked["span"]]
            return {"first_day": self._today - timedelta(days=first), "last_day": self._today - timedelta(days=last)}
        if "first_day" not in self.errors and "last_day" not in self.errors and self.is_unsaid:
            self.add_error("first_day", _("Choose the first and the last day."))
        return asked

    @property
    def is_unsaid(self) -> bool:
        """Whether a day is missing."""
        return not (self.cleaned_data.get("first_day") and self.cleaned_data.get("last_day"))
