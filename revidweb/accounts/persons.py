"""What a person says of themselves."""

from .models import Person


def rename(person: Person, *, name: str) -> None:
    """Give the person another name, up to 120 characters; the same again changes nothing."""
    Person.objects.filter(pk=person.pk).exclude(name=name).update(name=name)
    person.name = name
