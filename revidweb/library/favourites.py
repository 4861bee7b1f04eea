"""Mark results to find them again. Marks are a member's; a key has none."""

from django.db.models import QuerySet

from revidweb.accounts.actors import Actor
from revidweb.jobs.models import Output

from .models import Favourite


def put(actor: Actor, output: Output) -> None:
    """Mark a result as the actor's favourite; one that is marked stays so. Raises Refusal "not_allowed" for a key."""
    Favourite.objects.get_or_create(member=actor.in_person, output=output)


def remove(actor: Actor, output: Output) -> None:
    """Take the actor's mark away; without a mark nothing changes. Raises Refusal "not_allowed" for a key."""
    Favourite.objects.filter(member=actor.in_person, output=output).delete()


def has(actor: Actor, output: Output) -> bool:
    """Whether the actor marked the result. One query, none for a key."""
    return marks(actor).filter(output=output).exists()


def marks(actor: Actor) -> QuerySet[Favourite]:
    """The actor's marks: no query for a key, which has none."""
    return Favourite.objects.none() if actor.key else Favourite.objects.filter(member=actor.in_person)
