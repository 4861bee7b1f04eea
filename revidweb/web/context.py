"""What every page knows: the frame around its content. Nothing is asked before a template shows it."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Member, Tenant
from revidweb.jobs import balance, watch
from revidweb.jobs.balance import Balance
from revidweb.keys import budgets, checking
from revidweb.keys.models import ApiKey
from revidweb.notices import bell
from revidweb.web import doors, hosts, key_session, keycards, kinds, own_key
from revidweb.web.access import ActorRequest
from revidweb.web.doors import Door
from revidweb.web.keycards import Gauge

THEMES: tuple[tuple[str, str, str | Promise], ...] = (
    ("system", "monitor", _("System")),
    ("light", "sun", _("Light")),
    ("dark", "moon", _("Dark")),
)
THEME_COOKIE = "theme"
TENANT_COOKIE = "tenant"  # the address of the tenant whose overview was opened last


@dataclass(frozen=True)
class Page:
    """One place of the rail. covers: URL names of the pages that belong to it. is_for_keys: also under `/key/`."""

    name: str
    icon: str
    label: str | Promise
    covers: tuple[str, ...] = ()
    shortcut: str = ""
    needs: Right | None = None
    is_for_keys: bool = False

    def is_for(self, actor: Actor) -> bool:
        """Whether the actor has this page."""
        if actor.key:
            return self.is_for_keys
        return self.needs is None or actor.may(self.needs)

    @property
    def keys(self) -> list[str]:
        """The shortcut's keys, one by one."""
        return self.shortcut.split()


CREATE = Page("create", "plus", _("Create"), shortcut="c")
PAGES = (
    Page("overview", "house", _("Overview")),
    Page("gallery", "layout-grid", _("Gallery"), covers=("output",), shortcut="g g", is_for_keys=True),
    Page("jobs", "list", _("Jobs"), covers=("job",), shortcut="g j", is_for_keys=True),
    Page("usage", "chart-column", _("Usage"), shortcut="g u", is_for_keys=True),
    Page("credits", "coins", _("Credits"), shortcut="g c", is_for_keys=True),
    Page(
        "keys",
        "key-round",
        _("Keys"),
        covers=("key", "key_new", "key_limits", "key_rotate", "key_webhooks", "delivery"),
        shortcut="g k",
    ),
    Page("models", "box", _("Models")),
)
TENANT_PAGES = (
    Page("members", "users", _("Members"), covers=("invitations", "invitation_new"), needs=Right.MANAGE_MEMBERS),
    Page(
        "connections",
        "plug",
        _("Connections"),
        covers=("connection", "connection_account", "connection_add", "connection_key"),
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


def renew(request: ActorRequest) -> None:
    """Forget what the frame has asked so far: money or work moved since. Of a key its figures are read anew."""
    request.__dict__.pop("_frame", None)
    if request.actor.key:
        plain = budgets.key_of(request.actor).acting
        request.actor = checking.actor_of(budgets.key_of(replace(request.actor, key=plain)))


def theme_of(request: HttpRequest) -> str:
    """The remembered theme: system, light or dark."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in [name for name, _icon, _label in THEMES] else "system"


class Frame:
    """The frame of one request; of someone without a tenant only the theme. At most three queries."""

    themes = THEMES

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.actor: Actor | None = getattr(request, "actor", None)
        self.theme = theme_of(request)

    @cached_property
    def key(self) -> ApiKey | None:
        """The key that acts, as it was read when it was let in; None for a person."""
        return budgets.key_of(self.actor) if self.actor and self.actor.key else None

    @cached_property
    def gauge(self) -> Gauge | None:
        """What is left of the key's limit that is most used up; None for one without limits."""
        meters = budgets.meters(self.key) if self.key else []
        fullest = keycards.fullest(meters)
        return keycards.gauge(fullest) if fullest else None

    @property
    def key_kind(self) -> str | Promise:
        """What the acting key is called by who pays."""
        return keycards.KINDS[self.key.kind] if self.key else ""

    @property
    def is_of_keys(self) -> bool:
        """Whether this is a page of keys, where a person who is signed in in the same browser is nobody."""
        return self.request.path.startswith(key_session.PATH)

    @property
    def home(self) -> str:
        """The start: for who came by a key, its door."""
        return key_session.PATH if self.is_of_keys else "/"

    @cached_property
    def create(self) -> Link | None:
        """The way to Create, of the first kind that the actor may make; None where that is none."""
        makes = kinds.of(self.actor) if self.actor else ()
        return self._link(self.actor, CREATE, kind=makes[0]) if self.actor and makes else None

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
        if self.tenant is None or not self.tenant.accent:
            return ""
        return self._versioned(f"{self._look}accent")

    @cached_property
    def logo_href(self) -> str:
        """The logo of the tenant, or of its door, versioned; nothing where a letter stands."""
        if self.tenant is None or not self.tenant.logo:
            return ""
        return self._versioned(f"{self._look}logo")

    @cached_property
    def tenant(self) -> Tenant | None:
        """Whose name and look the page bears: the actor's, or that of the door at which somebody stands."""
        if self.actor:
            return self.actor.tenant
        if self.visited:
            return self.visited
        host = hosts.of(self.request) if self.is_key_door else None
        return host.tenant if host else self.door.tenant if self.door else None

    @property
    def visited(self) -> Tenant | None:
        """The tenant whose pages for keys of one's own these are."""
        return own_key.visited(self.request)

    @property
    def tenant_href(self) -> str:
        """Where the tenant's name leads to at its door."""
        if self.visited:
            return reverse("own_key", args=[self.visited.slug])
        return self.door.href if self.door else self.home

    @property
    def is_key_door(self) -> bool:
        """Whether this is where a key signs in."""
        match = self.request.resolver_match
        return self.actor is None and match is not None and match.url_name == "key_door"

    @cached_property
    def door(self) -> Door | None:
        """The tenant's door at which somebody stands who is outside. At most three queries, none elsewhere."""
        is_elsewhere = self.actor or self.is_key_door or self.visited
        return None if is_elsewhere else doors.asked_for(self.request)

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
        return watch.running(self.actor) if self.actor else 0

    @cached_property
    def balance(self) -> Balance:
        """What may still be spent. One query."""
        assert self.actor is not None
        return balance.of(self.actor)

    @cached_property
    def unread(self) -> int:
        """Notices that the member has not read; none for a key. No query: it came with the member."""
        return bell.unread(self.actor) if self.actor else 0

    @cached_property
    def memberships(self) -> list[Member]:
        """The person's tenants that this host knows, by name; a key has none. One query where there are others."""
        assert self.actor is not None
        if self.actor.key:
            return []
        if getattr(self.actor.member, "tenant_count", None) == 1:
            return [self.actor.in_person]
        return hosts.memberships(self.request, self.actor.in_person.person)

    @property
    def _look(self) -> str:
        """How the names of the tenant's accent and logo begin, by where somebody stands."""
        if self.visited:
            return "own_key_"
        return "key_" if self.is_key_door else "join_" if self.door else ""

    def _versioned(self, name: str) -> str:
        assert self.tenant is not None
        place = self.actor.place if self.actor else self.tenant.slug
        address = reverse(name, kwargs={} if self.is_key_door else {"tenant_slug": place})
        return f"{address}?v={int(self.tenant.changed_at.timestamp() * 1000):x}"

    def _links(self, pages: tuple[Page, ...]) -> list[Link]:
        actor = self.actor
        if actor is None:
            return []
        return [self._link(actor, page) for page in pages if page.is_for(actor)]

    def _link(self, actor: Actor, page: Page, **kwargs: str) -> Link:
        href = reverse(page.name, kwargs={"tenant_slug": actor.place, **kwargs})
        match = self.request.resolver_match
        return Link(page, href, is_current=match is not None and match.url_name in (page.name, *page.covers))
