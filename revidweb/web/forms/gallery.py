"""The gallery's filters, as the address carries them and as the filter bar offers them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cached_property
from urllib.parse import urlencode

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from revidweb.accounts import members
from revidweb.accounts.actors import Actor
from revidweb.accounts.members import Named
from revidweb.catalog import listing
from revidweb.catalog.listing import Offered
from revidweb.catalog.params import Choice
from revidweb.keys import listing as keyring
from revidweb.library.gallery import Filters
from revidweb.providers.base import Kind

from .filters import choices, word


class FilterBar:
    """What an address asks of the gallery. What it asks for in words that nobody knows is left out, without a fuss."""

    def __init__(self, actor: Actor, query: Mapping[str, str]) -> None:
        self.actor = actor
        self.query = query

    @cached_property
    def filters(self) -> Filters:
        """The filters that hold. One query for each that the address names by model, member or key."""
        return Filters(
            kind=_one_of(self._asked("kind"), lambda: [Kind.IMAGE, Kind.VIDEO]),
            model=_pk(self._asked("model"), lambda: self._models),
            member=_pk(self._asked("member"), lambda: self._members),
            key=_one_of(self._asked("key"), lambda: self._keys),
            favourite=self._asked("favourite") == "yes",
            search=self._asked("search"),
            since=_day(self._asked("since")),
            until=_day(self._asked("until")),
        )

    @cached_property
    def values(self) -> dict[str, str]:
        """The filters that hold as the address writes them, without those that do not narrow."""
        held = self.filters
        words = {
            "kind": held.kind,
            "model": self._asked("model") if held.model else "",
            "member": self._asked("member") if held.member else "",
            "key": held.key,
            "favourite": "yes" if held.favourite else "",
            "search": held.search,
            "since": held.since.isoformat() if held.since else "",
            "until": held.until.isoformat() if held.until else "",
        }
        return {name: value for name, value in words.items() if value}

    @property
    def address(self) -> str:
        """The query string of the filters, with its question mark; "" without filters."""
        return self.address_of()

    def address_of(self, **more: str) -> str:
        """The query string of the filters and what else the address carries."""
        words = self.values | more
        return f"?{urlencode(words)}" if words else ""

    @cached_property
    def kinds(self) -> list[Choice]:
        """What the kind may be."""
        words = [(str(Kind.IMAGE), _("Images")), (str(Kind.VIDEO), _("Videos"))]
        return choices(words, self.values.get("kind", ""), every=_("any"))

    @cached_property
    def models(self) -> list[Choice]:
        """What the model may be."""
        words = [(model.name, model.title) for model in self._models.values()]
        return choices(words, self.values.get("model", ""), every=_("any"))

    @cached_property
    def members(self) -> list[Choice]:
        """Whose results; nothing to choose for those who see only their own."""
        if not self._members:
            return []
        words = [(member.public_id, member.name) for member in self._members.values()]
        return choices(words, self.values.get("member", ""), every=_("everyone"))

    @cached_property
    def keys(self) -> list[Choice]:
        """By which key it was made; nothing to choose for those who see none."""
        if not self._keys:
            return []
        return choices(self._keys.items(), self.values.get("key", ""), every=_("any"))

    @property
    def when(self) -> str:
        """The days in words: "1 Nov 2026 to 20 Nov 2026"."""
        since, until = (date_format(day, "j M Y") if day else "" for day in (self.filters.since, self.filters.until))
        if since and until:
            return _("%(since)s to %(until)s") % {"since": since, "until": until} if since != until else since
        if since or until:
            return _("since %(day)s") % {"day": since} if since else _("until %(day)s") % {"day": until}
        return _("Any day")

    @cached_property
    def _models(self) -> dict[str, Offered]:
        return {model.name: model for model in listing.offered(self.actor.tenant)}

    @cached_property
    def _members(self) -> dict[str, Named]:
        return {member.public_id: member for member in members.told_apart(self.actor)}

    @cached_property
    def _keys(self) -> dict[str, str]:
        return dict(keyring.named(self.actor, chosen=self._asked("key")))

    def _asked(self, name: str) -> str:
        return word(self.query, name)


def _one_of(word: str, words: Callable[[], Iterable[str]]) -> str:
    return word if word and word in words() else ""


def _pk(name: str, rows: Callable[[], Mapping[str, Named | Offered]]) -> int | None:
    row = rows().get(name) if name else None
    return row.pk if row else None


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1 < day.year < date.max.year else None  # the day after and the day before are days too
