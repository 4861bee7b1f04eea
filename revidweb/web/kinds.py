"""What can be made on the pages, by whom."""

from revidweb.accounts.actors import Actor
from revidweb.keys import budgets
from revidweb.providers.base import Kind

KINDS = (Kind.IMAGE, Kind.VIDEO)


def of(actor: Actor) -> tuple[Kind, ...]:
    """The kinds that the actor may make, in the order of the pages: a key may be limited to some, or to none."""
    allowed = budgets.key_of(actor).allowed_kinds if actor.key else []
    return tuple(kind for kind in KINDS if not allowed or kind in allowed)
