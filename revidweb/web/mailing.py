"""Invitations by mail, in the tenant's name. The link leads to the tenant's own host where it has one."""

from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from revidweb.accounts import hosts, invitations
from revidweb.accounts.models import Invitation, Tenant
from revidweb.lib.refusal import Refusal


def link_of(invitation: Invitation, token: str) -> str:
    """The whole address of an invitation's link."""
    if invitation.tenant is None:
        return _origin(None) + reverse("account_signup_invited", kwargs={"token": token})
    path = reverse("join_link", kwargs={"tenant_slug": invitation.tenant.slug, "token": token})
    return _origin(invitation.tenant) + path


def send(invitation: Invitation, token: str, *, inviter: str) -> None:
    """Mail the link to the invited address. inviter: the name of who invites, "" for the operator.

    One that the mail server does not take is revoked, since nobody has its link. Raises Refusal "mail_not_sent" then.
    """
    tenant = _line(invitation.tenant.name if invitation.tenant else "revidweb")
    words = {"tenant": tenant, "inviter": _line(inviter), "invitation": invitation}
    words |= {"link": link_of(invitation, token), "host": _origin(invitation.tenant)}
    message = EmailMultiAlternatives(
        subject=_("Invitation to %(tenant)s") % words,
        body=render_to_string("emails/invitation.txt", words),
        from_email=_sender(tenant),
        to=[invitation.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string("emails/invitation.html", words), "text/html")
    try:
        message.send()
    except OSError:  # what smtplib raises, too
        invitations.revoke_unsent(invitation)
        raise Refusal("mail_not_sent") from None


def is_kept() -> bool:
    """Whether mail goes no farther than a file in the data folder, since no mail server is set."""
    return bool(settings.EMAIL_BACKEND == "django.core.mail.backends.filebased.EmailBackend")


def _origin(tenant: Tenant | None) -> str:
    """The scheme and host under which people reach the tenant, or found one."""
    return hosts.origin(tenant) if tenant else str(settings.PUBLIC_URL)


def _sender(name: str) -> str:
    """The installation's address, under the tenant's name."""
    return formataddr((name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))


def _line(text: str) -> str:
    """What people wrote, on one line: a newline in it would begin another line of the mail's head."""
    return " ".join(text.split())
