"""The front door: on to the person's own tenant."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from revidweb.accounts import members
from revidweb.web import access


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Lead to the overview of the tenant that the person joined first, or say that they are in none yet."""
    if not request.user.is_authenticated:
        return access.to_sign_in(request)
    first = members.first_of(request.user)
    if first is None:
        return render(request, "home/page.html")
    return redirect("overview", first.tenant.slug)
