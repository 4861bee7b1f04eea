"""The front door: on to the person's own tenant, or to what they can do while they have none."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from revidweb.accounts import joining, members
from revidweb.accounts.models import Member, Person
from revidweb.lib.refusal import Refusal
from revidweb.web import access, doors, entry, wording
from revidweb.web.context import TENANT_COOKIE
from revidweb.web.forms.home import FoundForm


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Lead to the tenant used last, else to the one joined first, or say what somebody without one can do."""
    if not request.user.is_authenticated:
        return access.to_sign_in(request)
    member = _last_used(request, request.user) or members.first_of(request.user)
    if member is None:
        return render(request, "home/page.html", _ways_in(request, request.user))
    return redirect("overview", member.tenant.slug)


@require_http_methods(["GET", "HEAD", "POST"])
def found(request: HttpRequest) -> HttpResponse:
    """Ask for a new tenant's name, or found it; where the person may not, the page says so (403)."""
    if not request.user.is_authenticated:
        return access.to_sign_in(request)
    if not doors.may_found(request):
        return render(request, "home/found.html", {"signup": settings.SIGNUP}, status=403)
    if request.method == "POST":
        return _found(request, request.user)
    return render(request, "home/found.html", {"form": FoundForm()})


def _last_used(request: HttpRequest, person: Person) -> Member | None:
    slug = request.COOKIES.get(TENANT_COOKIE, "")
    return next((member for member in members.of(person) if member.tenant.slug == slug), None) if slug else None


def _ways_in(request: HttpRequest, person: Person) -> dict[str, object]:
    return {"invitations": joining.waiting_for(person), "may_found": doors.may_found(request)}


def _found(request: HttpRequest, person: Person) -> HttpResponse:
    """Go to the new tenant, or the form with what is wrong (422)."""
    form = FoundForm(request.POST)
    if form.is_valid():
        try:
            member = entry.found(request, person, name=form.cleaned_data["name"])
            messages.success(request, _("%(tenant)s is founded.") % {"tenant": member.tenant.name})
            return redirect("overview", member.tenant.slug)
        except Refusal as refusal:
            wording.put_on(form, refusal)
    return render(request, "home/found.html", {"form": form}, status=422)
