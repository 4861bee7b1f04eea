"""Media: the bytes of stored files and of the tenant's logo, to those who may see them."""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from revidweb.accounts.models import Tenant
from revidweb.files import logos, serving
from revidweb.web import access
from revidweb.web.access import ActorRequest, actor_may

_YEAR_S = 31_536_000


@require_safe
@actor_may()
def media(request: ActorRequest, file_id: str, variant: str) -> HttpResponseBase:
    """A stored file, its thumbnail or its poster, whole or in part; `?download` offers it for saving."""
    answer = serving.answer(request, access.file(request, file_id), variant)
    serving.keep(answer, for_s=_YEAR_S)
    return answer


@require_safe
@actor_may()
def logo(request: ActorRequest) -> HttpResponseBase:
    """The tenant's logo, to its members."""
    return logo_of(request, request.actor.tenant)


def logo_of(request: HttpRequest, tenant: Tenant) -> HttpResponseBase:
    """A tenant's logo, to whom the caller lets see it; under an address with `?v=` it never changes. 404: has none."""
    name = tenant.logo
    if not name:
        raise Http404
    answer = serving.stored(request, name, content_type=logos.CONTENT_TYPE, etag=f'"{name.rpartition("/")[2]}"')
    serving.keep(answer, for_s=_YEAR_S if "v" in request.GET else 0)
    return answer
