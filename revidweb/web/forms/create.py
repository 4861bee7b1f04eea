"""The Create form: what is asked, which choices a model leaves, and what it would cost."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.actors import Actor, Right
from revidweb.catalog import listing, params, quoting
from revidweb.catalog.listing import Listed
from revidweb.catalog.models import Offer
from revidweb.catalog.params import Field
from revidweb.catalog.quoting import Quote
from revidweb.connections.models import Connection
from revidweb.credits.ledger import NotEnoughCredits
from revidweb.files import uploading
from revidweb.files.models import StoredFile
from revidweb.jobs import listing as jobs
from revidweb.jobs import retry, submit
from revidweb.jobs.balance import Balance
from revidweb.jobs.models import Job
from revidweb.keys import budgets
from revidweb.keys.models import ApiKey
from revidweb.lib import ids
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Input, Kind, Mode, Order
from revidweb.web import key_standing, keycards, standing, wording

COUNTS = (1, 2, 3, 4, 6, 8)
PARAMS = ("aspect_ratio", "resolution", "quality", "duration", "speed", "audio", "server")


class CreateForm(forms.Form):
    """One order of a kind. Params are read as they come: the model's price rows say what they may be."""

    model = forms.CharField(required=False, max_length=80)
    prompt = forms.CharField(
        label=_("Prompt"),
        required=False,  # the order says what is wrong with an empty one
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "placeholder": _("Describe what you want to see")}),
    )
    input_image = forms.FileField(
        label=_("Input image"),
        required=False,
        error_messages={"empty": _("The file is empty. Choose another one.")},
    )
    input_file = forms.CharField(required=False, max_length=40)
    img_url = forms.CharField(label=_("or its address"), required=False, max_length=2000)
    count = forms.IntegerField(required=False, error_messages={"invalid": _("Choose how many at once.")})
    token = forms.CharField(required=False, max_length=80)
    shown = forms.IntegerField(  # credits of one job
        required=False, error_messages={"invalid": _("The price did not arrive. Look at it, and send the form again.")}
    )

    def __init__(
        self,
        actor: Actor,
        kind: Kind,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
        *,
        balance: Balance,
        is_sent: bool = False,
    ) -> None:
        super().__init__(
            data if is_sent else None,
            files if is_sent else None,
            auto_id="create-%s",
            initial=dict((data or {}).items()),
        )
        self.actor = actor
        self.kind = kind
        self.balance = balance
        self.chosen: Mapping[str, Any] = data or {}
        self.fields |= {name: forms.CharField(required=False) for name in PARAMS}

    def add_error(self, field: str | None, error: Any) -> None:
        """At its field where the page shows that, else above the form."""
        super().add_error(field if field in self._shown else None, error)

    @cached_property
    def _shown(self) -> set[str]:
        names = {"model", "prompt", "count", *(control.name for control in self.controls)}
        return names | {"input_image", "img_url"} if self.takes_input else names

    # -- what the page shows -----------------------------------------------------------------------------------------

    @cached_property
    def picker(self) -> list[Listed]:
        """The models of the kind that the actor may use, the one used last on top."""
        allowed = self.key.allowed_models if self.key else []
        offered = listing.picker(self.actor.tenant, self.kind)
        mine = [model for model in offered if not allowed or model.name in allowed]
        return sorted(mine, key=lambda model: model.name != self._last_used)

    @cached_property
    def key(self) -> ApiKey | None:
        """The key that orders; None for a person."""
        return budgets.key_of(self.actor) if self.actor.key else None

    @cached_property
    def picked(self) -> Listed | None:
        """The chosen model; before a choice, the one that the member used last, else the first."""
        wanted = str(self.chosen.get("model") or self._last_used)
        return next((model for model in self.picker if model.name == wanted), self.picker[0] if self.picker else None)

    @cached_property
    def _last_used(self) -> str:
        return jobs.last_model(self.actor, self.kind)

    @cached_property
    def controls(self) -> list[Field]:
        """The params that the picked model leaves open."""
        return params.fields(self._offers, {name: self.chosen[name] for name in PARAMS if self.chosen.get(name)})

    @property
    def controls_with_errors(self) -> list[tuple[Field, str]]:
        """Each control, and what is wrong with it."""
        return [(control, " ".join(map(str, self.errors.get(control.name, ())))) for control in self.controls]

    @cached_property
    def _offers(self) -> list[Offer]:
        return self.picked.offers if self.picked else []

    @cached_property
    def counts(self) -> list[params.Choice]:
        """How many at once."""
        asked = str(self.chosen.get("count") or 1)
        return [params.Choice(str(n), str(n), is_chosen=str(n) == asked) for n in COUNTS]

    @property
    def asked_count(self) -> int:
        """The count as far as it is one of the choices."""
        return next((int(choice.value) for choice in self.counts if choice.is_chosen), 1)

    @cached_property
    def input(self) -> StoredFile | None:
        """The input image that was picked, if it is one that the actor may see."""
        public_id = str(self.chosen.get("input_file") or "")
        if not public_id or not ids.is_possible(public_id):
            return None
        return StoredFile.objects.visible_to(self.actor).present().filter(public_id=public_id).first()

    @cached_property
    def quote(self) -> Quote | None:
        """What one job of this form costs; None where it cannot be made, and `why_not` says why."""
        try:
            return quoting.quote_among(self._offers, self._with_upload(self._order(self._settled)))
        except Refusal as refusal:
            self.why_not = wording.of(refusal)
            return None

    why_not = ""

    @cached_property
    def hold_up(self) -> str:
        """Why a job of this form would wait, "" where it would not. No query."""
        return standing.hold_up(self.quote.offer.connection) if self.quote else ""

    @property
    def may_connect(self) -> bool:
        """Whether this person may do something about the connections."""
        return self.actor.may(Right.MANAGE_CONNECTIONS)

    @property
    def to_mend(self) -> Connection | None:
        """The connection that holds it up, for those who may mend it."""
        if self.quote and self.hold_up and self.may_connect:
            return self.quote.offer.connection
        return None

    @property
    def credits(self) -> int:
        """What the whole batch would hold."""
        return self.quote.credits * self.asked_count if self.quote else 0

    @property
    def left(self) -> int:
        """What the payer has left once the batch is held."""
        return self.balance.credits - self.credits

    @property
    def is_affordable(self) -> bool:
        """Whether the payer can pay for the whole batch."""
        return self.left >= 0

    @property
    def short(self) -> int:
        """How many credits are missing."""
        return -self.left

    @cached_property
    def over(self) -> str:
        """Which of the key's limits the batch would break, in a sentence; "" for none.

        That too many jobs wait passes by itself, so it is told when the form is sent.
        """
        try:
            if self.key and self.quote:
                budgets.peek(self.key, credits=self.credits, jobs=self.asked_count)
        except Refusal as refusal:
            return "" if refusal.code == "queue_full" else wording.of(key_standing.told(self.actor, refusal))
        return ""

    @property
    def unpaid(self) -> str:
        """Why the key cannot pay for the batch, in a sentence."""
        short = NotEnoughCredits(needed=self.credits, free=self.balance.credits)
        return wording.of(key_standing.told(self.actor, short))

    @property
    def left_of_key(self) -> str:
        """What the batch leaves of the key's limit that is most used up: "38 left today"; "" for one without limits."""
        if self.key is None:
            return ""
        after = [replace(meter, used=meter.used + self.credits) for meter in budgets.meters(self.key)]
        fullest = keycards.fullest(after)
        return keycards.gauge(fullest).left_text if fullest else ""

    @property
    def takes_input(self) -> bool:
        """Whether the picked model starts from a picture."""
        return bool(self.picked and {Mode.I2I, Mode.I2V} & set(self.picked.modes))

    @property
    def needs_input(self) -> bool:
        """Whether the picked model makes nothing without a picture."""
        return bool(self.picked and not {Mode.T2I, Mode.T2V} & set(self.picked.modes))

    @cached_property
    def fresh_token(self) -> str:
        """The token of the next submission of this form."""
        return uuid.uuid4().hex

    @property
    def prompt_max(self) -> int:
        """The longest prompt, in characters."""
        return int(settings.PROMPT_MAX_CHARS)

    # -- what is submitted -------------------------------------------------------------------------------------------

    def clean_count(self) -> int:
        """One, where nothing is said."""
        count: int | None = self.cleaned_data["count"]
        return 1 if count is None else count

    def order(self) -> Order:
        """The order as it was sent; an uploaded picture is kept once nothing else is wrong with it.

        Raises Refusal at the picture's field, or what submitting refuses.
        """
        asked = {name: self.chosen[name] for name in PARAMS if self.chosen.get(name)}
        order = self._order(asked, prompt=self.cleaned_data["prompt"])
        upload = self.cleaned_data["input_image"]
        if upload is None:
            return order
        trial = self._with_upload(order)
        submit.check(trial, self.cleaned_data["count"])
        if not submit.is_sent(self.actor, self.cleaned_data["token"]):
            self._check_credits(quoting.quote(self.actor.tenant, trial))
        return replace(order, inputs=(Input(file_id=uploading.keep(self.actor, upload).public_id),))

    def _with_upload(self, order: Order) -> Order:
        """The order from the picture that came with the form, which is not kept yet."""
        return replace(order, inputs=(Input(file_id="not kept yet"),)) if self.files.get("input_image") else order

    def _check_credits(self, quote: Quote) -> None:
        """Refuse what the payer did not agree to or cannot pay before a picture is kept for it; the hold counts."""
        submit.check_price(quote, self.cleaned_data["shown"])
        needed = quote.credits * self.cleaned_data["count"]
        if needed > self.balance.credits:
            raise NotEnoughCredits(needed=needed, free=self.balance.credits)
        if self.key:
            budgets.peek(self.key, credits=needed, jobs=self.cleaned_data["count"])

    @property
    def _settled(self) -> dict[str, Any]:
        """The params as the controls show them."""
        return {control.name: control.value for control in self.controls if control.value}

    def _order(self, asked: Mapping[str, Any], *, prompt: str = "") -> Order:
        named = dict(asked)
        server = str(named.pop("server", ""))
        model = str(self.chosen.get("model") or (self.picked.name if self.picked else ""))
        first = {Kind.IMAGE: Mode.T2I, Kind.VIDEO: Mode.T2V}[self.kind]
        return Order(
            kind=self.kind,
            mode=first,
            model=model,
            prompt=prompt,
            params=named,
            server=server,
            inputs=self._inputs(),
        )

    def _inputs(self) -> tuple[Input, ...]:
        """The picture that was picked before, or an address of one."""
        if file_id := str(self.chosen.get("input_file") or ""):
            return (Input(file_id=file_id),)
        if url := str(self.chosen.get("img_url") or "").strip():
            return (Input(url=url),)
        return ()


def of_job(job: Job) -> dict[str, Any]:
    """A job's order as the form's values, to make something like it."""
    order = retry.order_again(job)
    file = next(iter(order.inputs), Input())
    asked = {name: str(value).lower() for name, value in order.params.items()}
    return asked | {
        "model": order.model,
        "prompt": order.prompt,
        "server": order.server,
        "input_file": file.file_id,
        "img_url": file.url,
    }
