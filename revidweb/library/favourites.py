"""Mark results to find them again."""

from revidweb.accounts.actors import Actor
from revidweb.jobs.models import Output

from .models import Favourite


def put(actor: Actor, output: Output) -> None:
    """Mark a result as the actor's favourite; one that is marked stays so."""
    Favourite.objects.get_or_create(member=actor.member, output=output)


def remove(actor: Actor, output: Output) -> None:
    """Take the actor's mark away; without a mark nothing changes."""
    Favourite.objects.filter(member=actor.member, output=output).delete()


def has(actor: Actor, output: Output) -> bool:
    """Whether the actor marked the result. One query."""
    return Favourite.objects.filter(member=actor.member, output=output).exists()
