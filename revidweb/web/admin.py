"""What the operator sees of several rooms at once: tenants with their figures, and who may found one."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from revidweb.accounts import invitations, members
from revidweb.accounts.models import Invitation, Person, Tenant
from revidweb.connections import failing
from revidweb.files import usage
from revidweb.lib.readonly_admin import ReadOnly
from revidweb.lib.refusal import Refusal

from . import mailing, wording


class TenantList(ChangeList):
    """A page of tenants with their figures: three queries, however many stand on it."""

    def get_results(self, request: HttpRequest) -> None:
        """Put the figures on each row."""
        super().get_results(request)
        _count(list(self.result_list))


@admin.register(Tenant)
class TenantAdmin(ReadOnly):
    """Tenants, and what each takes."""

    icon = "building-2"
    list_display = ("slug", "members_here", "connections_failing", "name", "disk_used", "join_policy", "created_at")
    search_fields = ("slug__exact", "public_id__exact")
    search_help_text = _("A tenant's address, or an id such as tnt_….")
    fields = (
        *("ident", "slug", "name", "members_here", "connections_failing", "disk_used", "time_zone", "accent"),
        *("join_policy", "created_at", "changed_at"),
    )
    readonly_fields = ("members_here", "connections_failing", "disk_used")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """With figures."""
        return TenantList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """With figures, too."""
        tenant = super().get_object(request, object_id, from_field)
        if tenant is not None:
            _count([tenant])
        return tenant

    @admin.display(description=_("members"))
    def members_here(self, tenant: Any) -> int:
        """Those who were not removed."""
        return int(tenant.members_here)

    @admin.display(description=_("connections failing"))
    def connections_failing(self, tenant: Any) -> int:
        """Those that need somebody's look."""
        return int(tenant.connections_failing)

    @admin.display(description=_("disk used"))
    def disk_used(self, tenant: Any) -> str:
        """By results and inputs that were not deleted."""
        return filesizeformat(tenant.bytes_used)


def _count(tenants: list[Any]) -> None:
    """Put members, failing connections and bytes on each of these tenants."""
    keys = [tenant.pk for tenant in tenants]
    here, wrong, used = members.counts(keys), failing.counts(keys), usage.bytes_of(keys)
    for tenant in tenants:
        tenant.members_here = here.get(tenant.pk, 0)
        tenant.connections_failing = wrong.get(tenant.pk, 0)
        tenant.bytes_used = used.get(tenant.pk, 0)


class FounderForm(forms.Form):
    """Whom to let found a tenant."""

    email = forms.EmailField(label=_("E-mail address"), max_length=254)


@admin.register(Invitation)
class FoundingInvitationAdmin(ReadOnly):
    """Invitations to found a tenant; those into a tenant are the tenant's."""

    icon = "mail-plus"
    plural = _("Founding invitations")
    list_display = ("email", "expires_at", "uses", "revoked_at", "invited_by")
    search_fields = ("email__exact",)
    search_help_text = _("A whole e-mail address in small letters.")
    fields = ("ident", "email", "invited_by", "created_at", "expires_at", "uses", "revoked_at")
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Those that are of no tenant."""
        return super().get_queryset(request).filter(tenant=None)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Inviting is what this list is for, unless nobody founds tenants here: then the link would open nothing."""
        return settings.SIGNUP != "closed" and self.has_operate_permission(request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for an address; mail the invitation, and show its link this once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = FounderForm(request.POST or None)
        shown: dict[str, Any] = {"form": form, "opts": self.opts, "title": _("Invite somebody to found a tenant")}
        if form.is_valid():
            try:
                shown["link"] = _invite(request, form.cleaned_data["email"])
            except Refusal as refusal:
                wording.put_on(form, refusal)
        status = 422 if form.errors else 200
        return render(request, "admin/invite.html", self.admin_site.each_context(request) | shown, status=status)

    @admin.action(permissions=["operate"], description=_("Revoke: let nobody in by it any more"))
    def revoke(self, request: HttpRequest, rows: "QuerySet[Invitation]") -> None:
        """Let nobody in by these any more."""
        for invitation in rows:
            invitations.revoke_founding(invitation, actor=_operator(request).reference)
        said = ngettext("%(count)d invitation is revoked.", "%(count)d invitations are revoked.", len(rows))
        messages.success(request, said % {"count": len(rows)})


def _invite(request: HttpRequest, email: str) -> str:
    """The invitation's link, mailed. Raises Refusal."""
    invitation, token = invitations.invite_founder(email, actor=_operator(request).reference)
    mailing.send(invitation, token, inviter="")
    messages.success(request, _("The invitation is on its way to %(email)s.") % {"email": invitation.email})
    return mailing.link_of(invitation, token)


def _operator(request: HttpRequest) -> Person:
    assert isinstance(request.user, Person)
    return request.user
