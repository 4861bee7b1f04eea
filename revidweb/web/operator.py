"""The operator's pages: Django's admin under `/operator/`, with the house's own way in."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from revidweb.accounts import hosts
from revidweb.connections import failing
from revidweb.files import usage

from . import access


@dataclass(frozen=True)
class Disk:
    """The disk that the data folder is on, in bytes."""

    total: int
    used: int
    free: int


@dataclass(frozen=True)
class Standing:
    """What the operator should know first. files: bytes of all results and inputs that were not deleted."""

    hosts_waiting: int
    connections_failing: int
    files: int
    disk: Disk


class OperatorSite(admin.AdminSite):
    """Staff alone are let in, by the house's sign-in with its second factor; others find nothing here."""

    site_header = site_title = _("Operator")
    index_title = _("Installation")
    enable_nav_sidebar = False
    site_url = None
    empty_value_display = "–"

    def register(self, model_or_iterable: Any, *args: Any, **kwargs: Any) -> None:
        """Take the house's own tables: those of packages hold secrets, such as the seeds of second factors."""
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        super().register([model for model in models if _is_ours(model)], *args, **kwargs)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """Send who is signed out to the house's sign-in, and say to others that nothing is here."""
        guarded = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not request.user.is_authenticated:
                return access.to_sign_in(request)
            if not self.has_permission(request):
                raise Http404
            return guarded(request, *args, **kwargs)

        return inner

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The house's: this one would ask for no second factor."""
        return redirect("admin:index") if request.user.is_authenticated else access.to_sign_in(request)

    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The house's."""
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The house's."""
        return redirect("account_change_password")

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The house's."""
        return redirect("account_change_password")

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """What needs a look, and every list."""
        return super().index(request, {"standing": standing(), **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The lists by room, each with its icon."""
        rooms = super().get_app_list(request, app_label)
        for room in rooms:
            for listed in room["models"]:
                its: Any = self._registry[listed["model"]]
                listed |= {"icon": its.icon, "name": its.plural or listed["name"]}
        return rooms


def standing() -> Standing:
    """What the operator should know first. Three queries."""
    return Standing(
        hosts_waiting=hosts.waiting_count(),
        connections_failing=failing.failing().count(),
        files=usage.all_bytes(),
        disk=Disk(*shutil.disk_usage(settings.VAR_DIR)),
    )


def _is_ours(model: type[Model]) -> bool:
    return model.__module__.startswith("revidweb.")
