"""Notices: what a member was told, newest first, and marking it as read."""

from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from revidweb.notices import bell, words
from revidweb.notices.models import Notice
from revidweb.web import access, parts
from revidweb.web.access import ActorRequest, actor_may

_PER_PAGE = 50


@require_safe
@actor_may()
def notices(request: ActorRequest) -> HttpResponse:
    """All of them; what is unread stands out, and stays unread until it is followed or marked."""
    page = Paginator(bell.listed(request.actor), _PER_PAGE).get_page(request.GET.get("page"))
    shown = {"page": page, "notices": words.told(cast("QuerySet[Notice]", page.object_list)), **parts.neighbours(page)}
    return render(request, "notices/page.html", shown)


@require_POST
@actor_may()
def read(request: ActorRequest, notice_id: str) -> HttpResponse:
    """Mark one as read; a script asks for it as its link is followed."""
    bell.read(access.notice(request, notice_id))
    if "page" in request.POST:
        return redirect("notices", request.actor.place)
    return HttpResponse(status=204)


@require_POST
@actor_may()
def read_all(request: ActorRequest) -> HttpResponse:
    """Mark as read what the page has shown, and what is older."""
    newest = access.notice(request, request.POST.get("newest", ""))
    count = bell.read_all(request.actor, newest=newest)
    said = ngettext("%(count)s notice was marked as read.", "%(count)s notices were marked as read.", count)
    messages.success(request, said % {"count": count} if count else _("All of them were read already."))
    return redirect("notices", request.actor.place)
