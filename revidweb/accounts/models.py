"""Who: persons, tenants, and persons as members of tenants."""

from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
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
    created_at = models.DateTimeField(default=clock.now)
    changed_at = models.DateTimeField(auto_now=True, help_text="Versions the accent's stylesheet and the logo.")

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


class MemberQuerySet(models.QuerySet["Member"]):
    """Lists of members."""

    def visible_to(self, actor: "Actor") -> "MemberQuerySet":
        """The tenant's members to those who manage them, oneself to others."""
        mine = self.filter(tenant=actor.tenant)
        return mine if actor.may("manage_members") else mine.filter(pk=actor.member.pk)


class Member(models.Model):
    """A person in a tenant."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "mem"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="members")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.USER)
    joined_at = models.DateTimeField(default=clock.now)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "person"], name="member_once_per_tenant"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="member_role_known"),
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
