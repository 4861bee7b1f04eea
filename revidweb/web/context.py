"""What every page knows: the frame around its content. Nothing is asked before a template shows it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Member, Tenant
from revidweb.jobs import balance
from revidweb.jobs.balance import Balance
from revidweb.jobs.models import Job
from revidweb.notices import bell
from revidweb.web import doors, hosts
from revidweb.web.doors import Door

THEMES: tuple[tuple[str, str, str | Promise], ...] = (
    ("system", "monitor", _("System")),
    ("light", "sun", _("Light")),
    ("dark", "moon", _("Dark")),
)
THEME_COOKIE = "theme"
TENANT_COOKIE = "tenant"  # the address of the tenant whose overview was opened last


@dataclass(frozen=True)
class Page:
    """One place of the rail. covers: URL names of the pages that belong to it."""

    name: str
    icon: str
    label: str | Promise
    covers: tuple[str, ...] = ()
    shortcut: str = ""
    needs: Right | None = None

    @property
    def keys(self) -> list[str]:
        """The shortcut's keys, one by one."""
        return self.shortcut.split()


CREATE = Page("create", "plus", _("Create"), shortcut="c")
PAGES = (
    Page("overview", "house", _("Overview")),
    Page("gallery", "layout-grid", _("Gallery"), covers=("output",), shortcut="g g"),
    Page("jobs", "list", _("Jobs"), covers=("job",), shortcut="g j"),
    Page("credits", "coins", _("Credits"), shortcut="g c"),
    Page("keys", "key-round", _("Keys"), covers=("key", "key_new", "key_limits", "key_rotate"), shortcut="g k"),
    Page("models", "box", _("Models")),
)
TENANT_PAGES = (
    Page("members", "users", _("Members"), covers=("invitations", "invitation_new"), needs=Right.MANAGE_MEMBERS),
    Page(
        "connections",
        "plug",
        _("Connections"),
        covers=("connection", "connection_add", "connection_key"),
        needs=Right.MANAGE_CONNECTIONS,
    ),
    Page("settings", "settings", _("Settings"), needs=Right.MANAGE_TENANT),
)


@dataclass(frozen=True)
class Link:
    """A page of the rail, as one actor meets it on one page."""

    page: Page
    href: str
    is_current: bool


def frame(request: HttpRequest) -> dict[str, Any]:
    """Theme, tenant, rail and balance for `base.html`."""
    return {"frame": of(request)}


def of(request: HttpRequest) -> "Frame":
    """The frame of this request; the same one each time, so that nothing is asked twice."""
    known: Frame | None = getattr(request, "_frame", None)
    if known is None or known.actor is not getattr(request, "actor", None):
        known = request._frame = Frame(request)  # type: ignore[attr-defined]
    return known


def renew(request: HttpRequest) -> None:
    """Forget what the frame has asked so far: money or work moved since."""
    request.__dict__.pop("_frame", None)


def theme_of(request: HttpRequest) -> str:
    """The remembered theme: system, light or dark."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in [name for name, _icon, _label in THEMES] else "system"


class Frame:
    """The frame of one request; of someone without a tenant only the theme. At most four queries."""

    themes = THEMES

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.actor: Actor | None = getattr(request, "actor", None)
        self.theme = theme_of(request)

    @cached_property
    def create(self) -> Link | None:
        """The way to Create."""
        return self._link(self.actor, CREATE, kind="image") if self.actor else None

    @cached_property
    def pages(self) -> list[Link]:
        """The rail's first group."""
        return self._links(PAGES)

    @cached_property
    def tenant_pages(self) -> list[Link]:
        """The rail's second group, for those who run the tenant."""
        return self._links(TENANT_PAGES)

    @property
    def bottom_links(self) -> list[Link]:
        """The bottom bar of a narrow screen: Create in the middle of the pages most used."""
        first, rest = self.pages[:2], self.pages[2:3]
        return [*first, *([self.create] if self.create else []), *rest]

    @property
    def more_links(self) -> list[Link]:
        """The pages that the bottom bar has no room for."""
        return [*self.pages[3:], *self.tenant_pages]

    @cached_property
    def accent_href(self) -> str:
        """The accent of the tenant, or of its door, versioned; nothing where the house's own blue stands."""
        if self.door:
            return self._versioned("join_accent", self.door.tenant) if self.door.tenant.accent else ""
        return self._versioned("accent", self.actor.tenant) if self.actor and self.actor.tenant.accent else ""

    @cached_property
    def logo_href(self) -> str:
        """The logo of the tenant, or of its door, versioned; nothing where a letter stands."""
        if self.door:
            return self._versioned("join_logo", self.door.tenant) if self.door.tenant.logo else ""
        return self._versioned("logo", self.actor.tenant) if self.actor and self.actor.tenant.logo else ""

    @cached_property
    def door(self) -> Door | None:
        """The tenant's door at which somebody stands who is outside. At most three queries, none elsewhere."""
        return None if self.actor else doors.asked_for(self.request)

    @cached_property
    def may_sign_up(self) -> bool:
        """Whether there is something that this visitor may make an account for."""
        return doors.may_sign_up(self.request)

    @property
    def is_founding_open(self) -> bool:
        """Whether everybody may found tenants here, and so this person another one."""
        return bool(settings.SIGNUP == "open") and hosts.of(self.request) is None

    @cached_property
    def running(self) -> int:
        """Jobs of the actor's view that wait for a verdict. One query."""
        return Job.objects.visible_to(self.actor).moving().count() if self.actor else 0

    @cached_property
    def balance(self) -> Balance:
        """What may still be spent. One query."""
        assert self.actor is not None
        return balance.of(self.actor)

    @cached_property
    def unread(self) -> int:
        """Notices that the member has not read; none for a key. One query."""
        return bell.unread(self.actor) if self.actor else 0

    @cached_property
    def memberships(self) -> list[Member]:
        """The person's tenants that this host knows, by name. One query."""
        assert self.actor is not None
        return hosts.memberships(self.request, self.actor.in_person.person)

    def _versioned(self, name: str, tenant: Tenant) -> str:
        slug = tenant.slug if self.door else self.actor.place if self.actor else ""
        return f"{reverse(name, kwargs={'tenant_slug': slug})}?v={int(tenant.changed_at.timestamp() * 1000):x}"

    def _links(self, pages: tuple[Page, ...]) -> list[Link]:
        actor = self.actor
        if actor is None:
            return []
        return [self._link(actor, page) for page in pages if page.needs is None or actor.may(page.needs)]

    def _link(self, actor: Actor, page: Page, **kwargs: str) -> Link:
        href = reverse(page.name, kwargs={"tenant_slug": actor.place, **kwargs})
        match = self.request.resolver_match
        return Link(page, href, is_current=match is not None and match.url_name in (page.name, *page.covers))
