"""Lists for the operator that change nothing and stay quick over millions of rows."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Model]
    _Paginator = Paginator[Model]
    from django.utils.functional import _StrPromise
else:
    _Admin, _Paginator = admin.ModelAdmin, Paginator

_MOST_COUNTED = 10_000
_MOST_RELATED = 100


Cell = Callable[[Any, Any], Any]


def words(name: str, label: "str | _StrPromise") -> Cell:
    """The field of this name under words that people use, as a column of a list and a line of a row's page."""

    @admin.display(description=label)
    def cell(_its: Any, row: Any) -> Any:
        return getattr(row, name)

    return cell


def yes(name: str, label: "str | _StrPromise") -> Cell:
    """A boolean field: a check for yes, a quiet dash for no. Neither says that something is wrong."""

    @admin.display(description=label)
    def cell(_its: Any, row: Any) -> Any:
        sign, word = ("✓", gettext("Yes")) if getattr(row, name) else ("–", gettext("No"))
        mark = '<span class="sign" aria-hidden="true">{}</span><span class="visually-hidden">{}</span>'
        return format_html(mark, sign, word)

    return cell


def asking(title: str | Promise) -> type[admin.BooleanFieldListFilter]:
    """A filter by a boolean field, under this title."""

    class Asking(admin.BooleanFieldListFilter):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.title = str(title)

    return Asking


class BoundedPaginator(_Paginator):
    """Pages over the newest rows: counting no further than that keeps a list of millions quick."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, 10,000 at most."""
        rows: Any = self.object_list
        return int(rows[:_MOST_COUNTED].count())


class ReadOnly(_Admin):
    """A list that shows and changes nothing, newest first. It sorts and searches by nothing that has no index.

    icon: its Lucide icon in the rail. plural: its title, where the rows' own name does not say enough. nothing: where
    its rows come from, for an empty list. `list_display` starts with what matters most: a narrow screen has no room for
    the rest. What may be done to rows at all are its `actions`, each with `permissions=["operate"]`. Subclasses say
    `list_select_related`, and search by whole values alone (`public_id__exact`).
    """

    icon = "list"
    plural: str | Promise = ""
    nothing: str | Promise = ""
    actions: Any = None
    ordering = ("-pk",)
    sortable_by = ()
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False

    ident = words("public_id", _("ID"))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """The rows that have this value in the first field that any has it in.

        Each field alone is found by an index; all of them in one question, or one joined, would read every row.
        """
        if not (value := search_term.strip()):
            return queryset, False
        found = (self._having(queryset, str(field), value) for field in self.search_fields)
        return next((rows for rows in found if rows.exists()), queryset.none()), False

    def _having(self, rows: Any, field: str, value: str) -> Any:
        """The rows with this value; where a related row has it, that row is looked up first."""
        hop, _dunder, rest = field.partition("__")
        if rest == "exact":
            return rows.filter(**{field: value})
        related: Any = self.model._meta.get_field(hop).related_model
        keys = related._base_manager.filter(**{rest: value}).values_list("pk", flat=True)[:_MOST_RELATED]
        return rows.filter(**{f"{hop}__in": list(keys)})

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether they may do something here: a superuser. Other staff may be given lists to read, and no deed."""
        user: Any = request.user
        return bool(user.is_active and user.is_staff and user.is_superuser)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False
