"""Who: persons, tenants, and persons as members of tenants."""

from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from revidweb.lib import clock, ids

if TYPE_CHECKING:
    from .actors import Actor


class PersonManager(BaseUserManager["Person"]):
    """Makes persons; e-mail addresses are kept in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "Person":
        """A person who can sign in with this address; without a password only a reset lets them in."""
        person = self.model(email=email.strip().lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "Person":
        """The operator: staff, with every right in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "Person":
        """By e-mail address, whatever its case."""
        return self.get(email=(username or "").lower())


class Person(AbstractBaseUser, PermissionsMixin):
    """A human who signs in. What they may do is written on their memberships; `is_staff` marks the operator."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "per"), editable=False)
    email = models.EmailField(_("e-mail address"), max_length=254, unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=clock.now)

    objects = PersonManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="person_email_any_case")]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def reference(self) -> str:
        """The person as the trail names them: "person:per_…"."""
        return f"person:{self.public_id}"

    @property
    def initials(self) -> str:
        """One or two capitals for the round badge."""
        parts = (self.name or self.email.partition("@")[0]).replace(".", " ").split()
        return "".join(part[0] for part in (parts[:1] + parts[1:][-1:])).upper() or "?"


class JoinPolicy(models.TextChoices):
    """Who may become a member without being added by hand."""

    CLOSED = "closed", _("Nobody")
    INVITED = "invited", _("People who were invited")
    OPEN = "open", _("Everybody")


class Tenant(models.Model):
    """A reseller, a team or one person: the owner of members, money, connections and results."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "tnt"), editable=False)
    slug = models.SlugField(_("address"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=80)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    accent = models.CharField(
        _("accent colour"),
        max_length=7,
        blank=True,
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", _("Write the colour as # and six hex digits."))],
        help_text=_("Empty: the house's own blue."),
    )
    logo = models.CharField(max_length=200, blank=True, help_text="The logo's name in the storage.")
    join_policy = models.CharField(
        _("who may join"), max_length=8, choices=JoinPolicy.choices, default=JoinPolicy.INVITED
    )
    allows_own_keys = models.BooleanField(
        default=False,
        help_text="Whether visitors may look into their own accounts at the provider with their own keys.",
    )
    created_at = models.DateTimeField(default=clock.now)
    changed_at = models.DateTimeField(auto_now=True, help_text="Versions the accent's stylesheet and the logo.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(join_policy__in=JoinPolicy.values), name="tenant_join_policy_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """The tenant as the trail names it: "tenant:tnt_…"."""
        return f"tenant:{self.public_id}"

    @property
    def zone(self) -> ZoneInfo:
        """The reporting time zone."""
        return ZoneInfo(self.time_zone)


class Role(models.TextChoices):
    """What a member is in the tenant."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    USER = "user", _("User")


class MemberState(models.TextChoices):
    """Whether a member is let in."""

    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")
    REMOVED = "removed", _("Removed")


class MemberQuerySet(models.QuerySet["Member"]):
    """Lists of members."""

    def active(self) -> "MemberQuerySet":
        """Those who are let in."""
        return self.filter(state=MemberState.ACTIVE)

    def present(self) -> "MemberQuerySet":
        """Those who were not removed."""
        return self.exclude(state=MemberState.REMOVED)

    def visible_to(self, actor: "Actor") -> "MemberQuerySet":
        """The tenant's members to those who manage them, oneself to others."""
        mine = self.filter(tenant=actor.tenant)
        return mine if actor.may("manage_members") else mine.filter(pk=actor.in_person.pk)


class Member(models.Model):
    """A person in a tenant."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "mem"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="members")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.USER)
    state = models.CharField(max_length=9, choices=MemberState.choices, default=MemberState.ACTIVE)
    state_since = models.DateTimeField(default=clock.now)
    joined_at = models.DateTimeField(default=clock.now)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "person"], name="member_once_per_tenant"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="member_role_known"),
            models.CheckConstraint(condition=Q(state__in=MemberState.values), name="member_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.person} @ {self.tenant.slug}"

    @property
    def reference(self) -> str:
        """The member as the trail names them: "member:mem_…"."""
        return f"member:{self.public_id}"

    @property
    def is_paid_by_house(self) -> bool:
        """Owners and admins spend the tenant's own credits; a user spends their wallet."""
        return self.role in (Role.OWNER, Role.ADMIN)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Lists of invitations."""

    def visible_to(self, actor: "Actor") -> "InvitationQuerySet":
        """The tenant's, to those who manage its members."""
        return self.filter(tenant=actor.tenant) if actor.may("manage_members") else self.none()

    def good(self) -> "InvitationQuerySet":
        """Those that still let somebody in."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=clock.now(), uses__lt=models.F("most_uses"))


class Invitation(models.Model):
    """A door into a tenant, or, without one, to founding a tenant. Only the hash of its token is kept."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "inv"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, blank=True, related_name="invitations")
    email = models.EmailField(_("e-mail address"), max_length=254, blank=True, help_text="Empty: whoever has the link.")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.USER)
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token, in hex.")
    most_uses = models.PositiveIntegerField(default=1)
    uses = models.PositiveIntegerField(default=0)
    invited_by = models.CharField(max_length=60, help_text="As the trail writes it.")
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
            models.CheckConstraint(condition=Q(uses__lte=models.F("most_uses")), name="invitation_not_overused"),
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="invitation_newest")]

    def __str__(self) -> str:
        return self.email or self.public_id


class HostPurpose(models.TextChoices):
    """What a tenant's own host serves."""

    WEB = "web", _("Pages")
    MEDIA = "media", _("Media")


class HostState(models.TextChoices):
    """Whether the operator lets a host be served."""

    ASKED = "asked", _("Waits for approval")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")


class Host(models.Model):
    """A host name under which a tenant is served, once the operator has approved it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="hosts")
    name = models.CharField(_("host name"), max_length=253, unique=True, help_text="Lower case, ASCII, without a port.")
    purpose = models.CharField(max_length=8, choices=HostPurpose.choices)
    state = models.CharField(max_length=8, choices=HostState.choices, default=HostState.ASKED)
    asked_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "purpose"], name="host_one_of_each"),
            models.CheckConstraint(condition=Q(purpose__in=HostPurpose.values), name="host_purpose_known"),
            models.CheckConstraint(condition=Q(state__in=HostState.values), name="host_state_known"),
        ]

    def __str__(self) -> str:
        return self.name
