"""Lists for the operator that change nothing and stay quick over millions of rows."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import Promise

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Model]
    _Paginator = Paginator[Model]
else:
    _Admin, _Paginator = admin.ModelAdmin, Paginator

_MOST_COUNTED = 10_000
_MOST_RELATED = 100


class BoundedPaginator(_Paginator):
    """Pages over the newest rows: counting no further than that keeps a list of millions quick."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, 10,000 at most."""
        rows: Any = self.object_list
        return int(rows[:_MOST_COUNTED].count())


class ReadOnly(_Admin):
    """A list that shows and changes nothing, newest first. It sorts and searches by nothing that has no index.

    icon: its Lucide icon in the rail. plural: its title, where the rows' own name does not say enough. What may be done
    to rows at all are its `actions`, each with `permissions=["operate"]`. Subclasses say `list_select_related`, and
    search by whole values alone (`public_id__exact`).
    """

    icon = "list"
    plural: str | Promise = ""
    actions: Any = None
    ordering = ("-pk",)
    sortable_by = ()
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False

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
