"""Uploads: an input image that is dropped, pasted or picked before the form is sent."""

from django.core.files.uploadedfile import UploadedFile
from django.http import JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from revidweb.accounts.actors import Right
from revidweb.files import uploading
from revidweb.files.models import StoredFile
from revidweb.lib.refusal import Refusal
from revidweb.web import wording
from revidweb.web.access import ActorRequest, actor_may


@require_POST
@actor_may(Right.GENERATE)
def uploads(request: ActorRequest) -> JsonResponse:
    """Keep the image of the field `input_image`; answer what the form needs of it, or why not (422)."""
    try:
        file = uploading.keep(request.actor, _given(request))
    except Refusal as refusal:
        return JsonResponse({"error": wording.of(refusal)}, status=422)
    return JsonResponse(_shown(request, file), status=201)


def _given(request: ActorRequest) -> "UploadedFile[bytes]":
    upload = request.FILES.get("input_image")
    if upload is None:
        raise Refusal("file_missing", field="input_image")
    return upload


def _shown(request: ActorRequest, file: StoredFile) -> dict[str, str | int]:
    """The file for the script of the form: sizes in pixels, the thumbnail's address."""
    return {
        "id": file.public_id,
        "name": file.name,
        "width": file.width,
        "height": file.height,
        "thumb_url": reverse("media", args=(request.actor.place, file.public_id, "thumb")),
    }
