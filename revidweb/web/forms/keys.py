"""What the pages of keys ask for."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.actors import Actor, Right
from revidweb.catalog import listing as catalog
from revidweb.catalog.params import Choice
from revidweb.credits.ledger import NotEnoughCredits
from revidweb.keys import issuing
from revidweb.keys.issuing import Issued
from revidweb.keys.limits import Limits
from revidweb.keys.models import ApiKey, KeyKind, KeySecret
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Kind
from revidweb.web import keycards
from revidweb.web.forms.members import new_token

HOUR_S, DAY_S = 3600, 86400
GRACES = ((0, _("At once")), (HOUR_S, _("After an hour")), (DAY_S, _("After 24 hours")), (7 * DAY_S, _("After 7 days")))
_FIGURES = ("day", "week", "month", "lifetime", "running", "queue", "per_minute")
_MOST_CHARS = 2000  # of the addresses


def _figure(label: Any, *, least: int = 1) -> forms.IntegerField:
    """A whole number that may be left out."""
    return forms.IntegerField(
        label=label,
        required=False,
        widget=forms.NumberInput(attrs={"min": least, "step": 1, "inputmode": "numeric", "placeholder": _("no limit")}),
        error_messages={"invalid": _("Write a whole number, or nothing for no limit.")},
    )


def _token() -> forms.CharField:
    return forms.CharField(max_length=80, widget=forms.HiddenInput)


@contextmanager
def _lack_at_credits() -> Iterator[None]:
    """What the filling wallet lacks is said where the sum was written."""
    try:
        yield
    except NotEnoughCredits as refusal:
        raise Refusal(refusal.code, field="credits", **refusal.facts) from None


def _credits(error: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=_("Credits"),
        required=False,
        widget=forms.NumberInput(attrs={"min": 0, "step": 1, "inputmode": "numeric"}),
        error_messages={"invalid": error},
    )


class LimitsForm(forms.Form):
    """A key's name and what it may do. What is left empty does not limit."""

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Give the key a name, such as the program that uses it.")},
    )
    day = _figure(_("A day"), least=0)
    week = _figure(_("A week"), least=0)
    month = _figure(_("A month"), least=0)
    lifetime = _figure(_("In all"), least=0)
    running = _figure(_("Jobs at once"))
    queue = _figure(_("Jobs that wait"), least=0)
    per_minute = _figure(_("Requests a minute"))
    kinds = forms.MultipleChoiceField(
        label=_("Kinds"), required=False, choices=[(Kind.IMAGE, _("Images")), (Kind.VIDEO, _("Videos"))]
    )
    models = forms.MultipleChoiceField(label=_("Models"), required=False)
    addresses = forms.CharField(
        label=_("Addresses"),
        required=False,
        max_length=_MOST_CHARS,
        help_text=_("From where it may be used: addresses or networks, one a line. Empty: from anywhere."),
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "203.0.113.0/24", "spellcheck": "false"}),
    )
    expires_at = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Choose a day.")},
    )
    callback_url = forms.CharField(
        label=_("Callback address"),
        required=False,
        max_length=2000,
        help_text=_("Told of the end of each job that names no address of its own."),
        widget=forms.URLInput(attrs={"placeholder": "https://", "autocomplete": "off"}),
    )

    def __init__(self, actor: Actor, *args: Any, key: ApiKey | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor, self.key = actor, key
        self.titles = {model.name: model.title for model in catalog.offered(actor.tenant)}
        self.titles |= {name: name for name in (key.allowed_models if key else []) if name not in self.titles}
        self.fields["models"].choices = list(self.titles.items())  # type: ignore[attr-defined]

    @property
    def model_choices(self) -> list[Choice]:
        """Every model to tick, those that are ticked first."""
        ticked = self["models"].value() or []
        found = [Choice(name, title, is_chosen=name in ticked) for name, title in self.titles.items()]
        return sorted(found, key=lambda choice: not choice.is_chosen)

    @property
    def kind_choices(self) -> list[Choice]:
        """Images and videos, to tick."""
        ticked = self["kinds"].value() or []
        choices = self.fields["kinds"].choices  # type: ignore[attr-defined]
        return [Choice(str(kind), str(label), is_chosen=kind in ticked) for kind, label in choices]

    @property
    def is_limit_wrong(self) -> bool:
        """Whether something among the limits was refused, so that they stand open."""
        return any(name in self.errors for name in LimitsForm.base_fields if name != "name")

    def limits(self) -> Limits:
        """What was asked for, as the keys take it."""
        wanted = self.cleaned_data
        return Limits(
            **{name: wanted[name] for name in _FIGURES},
            models=tuple(wanted["models"]),
            kinds=tuple(wanted["kinds"]),
            addresses=tuple(filter(None, re.split(r"[\s,]+", wanted["addresses"]))),
            expires_at=self._end_of(wanted["expires_at"]),
            callback_url=wanted["callback_url"],
        )

    def clean_expires_at(self) -> date | None:
        """A day to come, or the day that the key had."""
        day: date | None = self.cleaned_data["expires_at"]
        today = clock.now().astimezone(self.actor.tenant.zone).date()
        if day and not today <= day < date.max - timedelta(days=366) and day != self.initial.get("expires_at"):
            raise forms.ValidationError(_("Choose a day to come."))
        return day

    def change(self) -> ApiKey:
        """Give the key this name and these limits. Raises Refusal, as `issuing.change` does."""
        assert self.key is not None
        return issuing.change(self.actor, self.key, name=self.cleaned_data["name"], limits=self.limits())

    def _end_of(self, day: date | None) -> datetime | None:
        """Midnight after that day in the tenant's zone; a key keeps the moment that it had on the same day."""
        had = self.key.expires_at if self.key else None
        if day is None or (had and day == _last_day(had, self.actor)):
            return had if day else None
        return datetime.combine(day + timedelta(days=1), time.min, tzinfo=self.actor.tenant.zone)


def limits_of(actor: Actor, key: ApiKey) -> LimitsForm:
    """The form with what the key has now."""
    return LimitsForm(actor, key=key, initial=_had(actor, key))


def changed_limits(actor: Actor, key: ApiKey, data: Mapping[str, Any]) -> LimitsForm:
    """The form as it was sent."""
    return LimitsForm(actor, data, key=key, initial=_had(actor, key))


def _had(actor: Actor, key: ApiKey) -> dict[str, Any]:
    return vars(Limits.of(key)) | {
        "name": key.name,
        "addresses": "\n".join(key.allowed_addresses),
        "expires_at": _last_day(key.expires_at, actor) if key.expires_at else None,
    }


def _last_day(expires_at: datetime, actor: Actor) -> date:
    return (expires_at - timedelta(microseconds=1)).astimezone(actor.tenant.zone).date()


class NewKeyForm(LimitsForm):
    """A key to make: who pays, its name, what it is filled with, and its limits."""

    kind = forms.ChoiceField(
        label=_("Who pays"),
        choices=KeyKind.choices,
        initial=KeyKind.SHARED,
        error_messages={"required": _("Choose who pays."), "invalid_choice": _("Choose one of the kinds.")},
    )
    credits = _credits(_("Write a whole number of credits, such as 500."))
    token = _token()

    @property
    def kind_cards(self) -> list[Choice]:
        """The kinds that the actor may make."""
        chosen = self["kind"].value()
        kinds = [KeyKind.SHARED, KeyKind.BUDGETED]
        if self.actor.may(Right.MANAGE_KEYS):
            kinds.append(KeyKind.STANDALONE)
        return [Choice(kind.value, str(keycards.KINDS[kind]), is_chosen=kind == chosen) for kind in kinds]

    def issue(self) -> Issued:
        """Make it, once per token. Raises Refusal, as `issuing.issue` does."""
        wanted = self.cleaned_data
        with _lack_at_credits():
            return issuing.issue(
                self.actor,
                kind=wanted["kind"],
                name=wanted["name"],
                token=wanted["token"],
                credits=0 if wanted["kind"] == KeyKind.SHARED else wanted["credits"] or 0,
                limits=self.limits(),
            )


def fresh(actor: Actor) -> NewKeyForm:
    """An empty form with a token of its own."""
    return NewKeyForm(actor, initial={"token": new_token()})


class TopUpForm(forms.Form):
    """How many credits a key's own wallet gets."""

    credits = _credits(_("Write a whole number of credits, such as 500."))
    token = _token()

    def top_up(self, actor: Actor, key: ApiKey) -> int:
        """Fill it, once per token; the credits. Raises Refusal, as `issuing.top_up` does."""
        credits = self.cleaned_data["credits"] or 0
        with _lack_at_credits():
            issuing.top_up(actor, key, credits=credits, token=self.cleaned_data["token"])
        return int(credits)

    def again(self) -> "TopUpForm":
        """The same words under a fresh token, for another try after a refusal."""
        self.data = {name: self.data.get(name, "") for name in self.fields} | {"token": new_token()}
        return self


def fresh_top_up() -> TopUpForm:
    """An empty form with a token of its own."""
    return TopUpForm(initial={"token": new_token()}, auto_id="top-up-%s")


class RotateForm(forms.Form):
    """When the old secret ends. seen: which secret the form was about, so that it is rotated once."""

    grace_s = forms.TypedChoiceField(
        label=_("The old secret stops working"),
        choices=GRACES,
        coerce=int,
        initial=DAY_S,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one."), "invalid_choice": _("Choose one of the four.")},
    )
    seen = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)


def rotation_of(secret: KeySecret | None) -> RotateForm:
    """The form about this secret."""
    return RotateForm(initial={"seen": str(secret.pk) if secret else ""}, auto_id="rotate-%s")
