"""Settings of the tenant: name, time zone, accent, logo, who may join, and hosts of its own."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings as installation
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from revidweb.accounts import hosts, tenants
from revidweb.accounts.actors import Right
from revidweb.accounts.models import Host, HostPurpose, JoinPolicy, Tenant
from revidweb.files import logos
from revidweb.lib.refusal import Refusal
from revidweb.web import parts, wording
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms.settings import HostForm, JoinForm, LogoForm, TenantForm

_POLICIES: dict[JoinPolicy, str | Promise] = {
    JoinPolicy.INVITED: gettext_lazy("By an invitation that an owner or admin made, or a link of theirs."),
    JoinPolicy.OPEN: gettext_lazy("Whoever opens the page becomes a user, with an empty wallet."),
    JoinPolicy.CLOSED: gettext_lazy("The page is not there, and no invitation lets anybody in."),
}
_HOSTS: dict[HostPurpose, str | Promise] = {
    HostPurpose.WEB: gettext_lazy(
        "Members sign in and work there; its start leads to this tenant, and no other is there."
    ),
    HostPurpose.MEDIA: gettext_lazy("Serves shared media and those of programs under signed links, and no page."),
}


@dataclass(frozen=True)
class PolicyRow:
    """One answer to who may join."""

    policy: JoinPolicy
    meaning: str | Promise
    is_chosen: bool


@dataclass(frozen=True)
class HostRow:
    """What one of the tenant's two hosts is for, which one it is, if any, and the form that asks for it."""

    purpose: HostPurpose
    text: str | Promise
    host: Host | None
    form: HostForm


@require_http_methods(["GET", "HEAD", "POST"])
@actor_may(Right.MANAGE_TENANT)
def settings(request: ActorRequest) -> HttpResponse:
    """Show the settings, or change name, time zone and accent."""
    return _change(request) if request.method == "POST" else _page(request)


@require_POST
@actor_may(Right.MANAGE_TENANT)
def logo(request: ActorRequest) -> HttpResponse:
    """Keep a new logo; answer the page, or the form with what is wrong (422)."""
    form = LogoForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            logos.put(request.actor.tenant, form.cleaned_data["logo"])
            return _done(request, _("The new logo is in use."))
        except Refusal as refusal:
            wording.put_on(form, refusal)
    return _refused(request, "logo", logo_form=form)


@require_POST
@actor_may(Right.MANAGE_TENANT)
def logo_remove(request: ActorRequest) -> HttpResponse:
    """Go back to the tenant's initials."""
    logos.remove(request.actor.tenant)
    return _done(request, _("The logo was removed."))


@require_POST
@actor_may(Right.MANAGE_TENANT)
def join(request: ActorRequest) -> HttpResponse:
    """Change who may join."""
    form = JoinForm(request.POST)
    if form.is_valid():
        tenants.set_join_policy(request.actor, form.cleaned_data["join_policy"])
        return _done(request, _("Who may join was saved."))
    return _refused(request, "join", join_form=form, policies=_policies(""))


@require_POST
@actor_may(Right.MANAGE_TENANT)
def own_keys(request: ActorRequest) -> HttpResponse:
    """Let visitors in with keys of their own, or not."""
    is_allowed = request.POST.get("on") == "yes"
    tenants.allow_own_keys(request.actor, is_allowed)
    said = _("Visitors may come with a key of their own.") if is_allowed else _("Keys of others open nothing here now.")
    return _done(request, said)


@require_POST
@actor_may(Right.MANAGE_TENANT)
def host(request: ActorRequest, purpose: str) -> HttpResponse:
    """Ask the operator for a host of the tenant's own; answer the page, or the form with what is wrong (422)."""
    form = HostForm(_purpose(purpose), request.POST)
    if form.is_valid():
        try:
            asked = hosts.ask(request.actor, name=form.cleaned_data["host"], purpose=purpose)
            return _done(request, _("%(host)s waits for the operator's approval.") % {"host": asked.name})
        except Refusal as refusal:
            wording.put_on(form, refusal)
    rows = _host_rows(request.actor.tenant, form=form, purpose=purpose)
    return _refused(request, "host", host_rows=rows, row=next(row for row in rows if row.purpose == purpose))


@require_POST
@actor_may(Right.MANAGE_TENANT)
def host_withdraw(request: ActorRequest, purpose: str) -> HttpResponse:
    """Serve the tenant there no longer. Again: nothing happens."""
    there = hosts.of(request.actor.tenant).get(_purpose(purpose))
    if there is None:
        return redirect("settings", request.actor.place)
    hosts.withdraw(request.actor, there)
    return _done(request, _("%(host)s was withdrawn.") % {"host": there.name})


def _purpose(word: str) -> HostPurpose:
    if word not in HostPurpose.values:
        raise Http404
    return HostPurpose(word)


def _change(request: ActorRequest) -> HttpResponse:
    form = TenantForm(request.actor.tenant, request.POST)
    if form.is_valid():
        try:
            tenants.change(request.actor, **form.cleaned_data)
            return _done(request, _("The settings were saved."))
        except Refusal as refusal:
            wording.put_on(form, refusal)
    return _refused(request, "tenant", tenant_form=form)


def _done(request: ActorRequest, said: str) -> HttpResponse:
    """The whole page anew, for name, accent and logo stand in its frame."""
    messages.success(request, said)
    return parts.lead_to(request, reverse("settings", args=[request.actor.place]))


def _refused(request: ActorRequest, part: str, **forms: object) -> HttpResponse:
    if request.htmx:
        return render(request, f"settings/page.html#{part}", forms | _hints(request.actor.tenant), status=422)
    return _page(request, status=422, **forms)


def _page(request: ActorRequest, *, status: int = 200, **forms: object) -> HttpResponse:
    tenant = request.actor.tenant
    fresh: dict[str, object] = {"tenant_form": TenantForm(tenant), "logo_form": LogoForm(), "join_form": JoinForm()}
    fresh |= {"policies": _policies(tenant.join_policy)}
    if "host_rows" not in forms:
        fresh |= {"host_rows": _host_rows(tenant)}
    return render(request, "settings/page.html", fresh | _hints(tenant) | forms, status=status)


def _hints(tenant: Tenant) -> dict[str, str]:
    """Where people join and keys of others are looked into, and where DNS is to lead."""
    origin = hosts.origin(tenant)
    join_url = origin + reverse("join", args=[tenant.slug])
    own_key_url = origin + reverse("own_key", args=[tenant.slug])
    dns_target = urlsplit(installation.PUBLIC_URL).hostname or ""
    return {"join_url": join_url, "own_key_url": own_key_url, "dns_target": dns_target}


def _policies(chosen: str) -> list[PolicyRow]:
    return [PolicyRow(policy, meaning, is_chosen=policy == chosen) for policy, meaning in _POLICIES.items()]


def _host_rows(tenant: Tenant, *, form: HostForm | None = None, purpose: str = "") -> list[HostRow]:
    """Both hosts. form: the one that was sent for this purpose."""
    there = hosts.of(tenant)
    return [
        HostRow(its, text, there.get(its), form if form and its == purpose else HostForm(its))
        for its, text in _HOSTS.items()
    ]
