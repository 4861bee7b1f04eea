"""Settings of the tenant: name, time zone, accent, logo."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from revidweb.accounts import tenants
from revidweb.accounts.actors import Right
from revidweb.files import logos
from revidweb.lib.refusal import Refusal
from revidweb.web import wording
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms.settings import LogoForm, TenantForm


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
    answer = redirect("settings", request.actor.tenant.slug)
    return HttpResponseClientRedirect(answer.url) if request.htmx else answer


def _refused(request: ActorRequest, part: str, **forms: TenantForm | LogoForm) -> HttpResponse:
    if request.htmx:
        return render(request, f"settings/page.html#{part}", forms, status=422)
    return _page(request, status=422, **forms)


def _page(request: ActorRequest, *, status: int = 200, **forms: TenantForm | LogoForm) -> HttpResponse:
    fresh = {"tenant_form": TenantForm(request.actor.tenant), "logo_form": LogoForm()}
    return render(request, "settings/page.html", fresh | forms, status=status)
