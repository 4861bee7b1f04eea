"""What may become of a job, by name. A fate is decided when the job is made and shows in its polls.

The keyword arguments of each are the facts that a script may set; it answers fields of `Fate`.
"""

from collections.abc import Mapping

from .records import GENERIC_FAILURE
from .script import trouble


@trouble("fate", on="create")
def fails(*, reason: str = GENERIC_FAILURE, form: str = "error", refunds: bool = True) -> Mapping[str, object]:
    """The job fails. form: where the reason stands ("error", "error_message", "message", "detail", "prefix")."""
    return {"fails": True, "reason": reason, "form": form, "refunds": refunds}


@trouble("fate", on="create")
def failed_prefix(*, reason: str = "Server timeout") -> Mapping[str, object]:
    """The job fails, and the status itself says why: "failed: Server timeout"."""
    return {"fails": True, "reason": reason, "form": "prefix"}


@trouble("fate", on="create")
def failed_with_result(*, reason: str = "Gateway timeout") -> Mapping[str, object]:
    """The job fails and still has its result."""
    return {"fails": True, "reason": reason, "keeps_result": True}


@trouble("fate", on="create")
def late_done(*, late_s: float = 1, reason: str = "524 <none>", refunds: bool = True) -> Mapping[str, object]:
    """The job fails and turns out done so many seconds later. What was given back stays given back."""
    return {"fails": True, "reason": reason, "late_s": late_s, "refunds": refunds}


@trouble("fate", on="create")
def complete_at_create() -> Mapping[str, object]:
    """The job is done when its order is answered."""
    return {"at_create": True}


@trouble("fate", on="create")
def takes(*, seconds: float = 60) -> Mapping[str, object]:
    """The job works for so many seconds."""
    return {"takes_s": seconds}


@trouble("fate", on="create")
def stuck() -> Mapping[str, object]:
    """The job never ends by itself."""
    return {"stuck": True}


@trouble("fate", on="create")
def unlisted(*, seconds: float = 1) -> Mapping[str, object]:
    """The job is not in /dashboard/jobs yet for so many seconds."""
    return {"listed_s": seconds}


@trouble("fate", on="create")
def result_list() -> Mapping[str, object]:
    """The result is a list of addresses."""
    return {"result": "list"}


@trouble("fate", on="create")
def result_object() -> Mapping[str, object]:
    """The result is an object with an address."""
    return {"result": "object"}


@trouble("fate", on="create")
def no_result() -> Mapping[str, object]:
    """The job is completed and has no result."""
    return {"result": "none"}


@trouble("fate", on="create")
def wrong_media() -> Mapping[str, object]:
    """The result is a picture where a clip was ordered, and a clip where a picture was."""
    return {"media": "wrong"}


@trouble("fate", on="create")
def page_result() -> Mapping[str, object]:
    """The result's address answers with a page."""
    return {"media": "page"}


@trouble("fate", on="create")
def gone_result() -> Mapping[str, object]:
    """The result's address answers 404."""
    return {"media": "gone"}
