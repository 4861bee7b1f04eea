"""Media by signed address: results and inputs, to any program or page that has the address. No key is asked for."""

from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from ninja import Router

from revidweb.api import cors, errors
from revidweb.files import links, serving
from revidweb.files.models import StoredFile

router = Router()

_METHODS = ["GET", "HEAD", "OPTIONS"]


@router.api_operation(_METHODS, "/media/{file_id}/{ticket}/{name}", auth=None, include_in_schema=False)
def media(request: HttpRequest, file_id: str, ticket: str, name: str) -> HttpResponseBase:
    """One variant of a file, whole or in part, until the address expires (410) or the file is deleted (410).

    404: an address that we did not sign. Also a plain view, for hosts that serve media alone.
    """
    return cors.open_to_all(_answer(request, file_id, ticket, name), _METHODS)


def _answer(request: HttpRequest, file_id: str, ticket: str, name: str) -> HttpResponseBase:
    if request.method == "OPTIONS":
        return cors.preflight()
    if request.method not in _METHODS:
        return HttpResponseNotAllowed(_METHODS)
    link = links.read(file_id, ticket, name)
    if link is None:
        return errors.answer(404, "Not found")
    if link.left_s <= 0:
        return errors.answer(410, "This address has expired. Ask for the job or the upload again to get a fresh one.")
    return _opened(request, link)


def _opened(request: HttpRequest, link: links.Link) -> HttpResponseBase:
    file = StoredFile.objects.present().filter(public_id=link.file_id).first()
    if file is None:
        return errors.answer(410, "This file was deleted")
    try:
        answer = serving.answer(request, file, link.variant)
    except Http404:
        return errors.answer(404, "Not found")
    serving.keep(answer, for_s=link.left_s, is_fixed=False)
    return answer
