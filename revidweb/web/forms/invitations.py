"""What inviting somebody asks for."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from revidweb.accounts import invitations
from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Invitation, Role
from revidweb.catalog.params import Choice
from revidweb.web import mailing

MAIL, LINK = "mail", "link"
_WAYS = ((MAIL, _("By mail")), (LINK, _("By a link")))


class InviteForm(forms.Form):
    """Whom, as what, and for how long. A link takes no address, and a mail is for one person."""

    by = forms.ChoiceField(
        label=_("How"),
        choices=_WAYS,
        initial=MAIL,
        error_messages={"required": _("Choose how to invite."), "invalid_choice": _("Choose how to invite.")},
    )
    email = forms.CharField(
        label=_("E-mail address"),
        max_length=254,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text=_("The link goes there alone. Who opens it has proven the address."),
    )
    most_uses = forms.IntegerField(
        label=_("For how many people"),
        required=False,
        initial=1,
        widget=forms.NumberInput(attrs={"min": 1, "max": invitations.MOST_USES}),
        help_text=_("Whoever has the link comes in. 1 to 1,000."),
        error_messages={"invalid": _("Write a whole number of people, such as 10.")},
    )
    role = forms.ChoiceField(
        label=_("Role"), initial=Role.USER, error_messages={"invalid_choice": _("Choose one of the roles in the list.")}
    )
    days = forms.IntegerField(
        label=_("Good for"),
        widget=forms.NumberInput(attrs={"min": 1, "max": invitations.MOST_DAYS}),
        error_messages={
            "required": _("Write for how many days it is good."),
            "invalid": _("Write a whole number of days, such as 7."),
        },
    )

    def __init__(self, actor: Actor, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.actor = actor
        self.fields["role"].choices = _roles(actor)  # type: ignore[attr-defined]
        self.fields["days"].initial = settings.INVITATION_DAYS

    @property
    def ways(self) -> list[Choice]:
        """By mail or by a link, for the segmented control."""
        chosen = self["by"].value()
        return [Choice(way, str(label), is_chosen=way == chosen) for way, label in _WAYS]

    @property
    def is_mail_kept(self) -> bool:
        """Whether mail goes no farther than a file in the data folder."""
        return mailing.is_kept()

    def clean(self) -> dict[str, object]:
        """A mail needs an address."""
        wanted: dict[str, object] = super().clean() or {}
        if wanted.get("by") == MAIL and not wanted.get("email") and "email" not in self.errors:
            self.add_error("email", _("Write an e-mail address, such as ada@example.com."))
        return wanted

    def invite(self) -> tuple[Invitation, str]:
        """The invitation and its token. Raises Refusal, as `invitations.invite` does."""
        wanted = self.cleaned_data
        by_mail = wanted["by"] == MAIL
        return invitations.invite(
            self.actor,
            email=wanted["email"] if by_mail else "",
            role=wanted["role"],
            days=wanted["days"],
            most_uses=1 if by_mail or wanted["most_uses"] is None else wanted["most_uses"],
        )


def _roles(actor: Actor) -> list[tuple[str, str]]:
    """The roles to which the actor may invite, the least first."""
    may = [Role.USER, Role.ADMIN, *([Role.OWNER] if actor.may(Right.MANAGE_OWNERS) else [])]
    return [(role.value, str(role.label)) for role in may]
