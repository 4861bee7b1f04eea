"""The storage, where it is on another machine: one that replaces what is there, and one that keeps it."""

import io

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from revidweb.files import storage


class Keeping(Storage):
    """It saves under another name where one is taken."""

    def __init__(self):
        self.content, self.deleted = {}, []

    def _open(self, name, mode="rb"):
        return ContentFile(self.content[name])

    def _save(self, name, content):
        self.content[name] = b"".join(content.chunks())
        return name

    def exists(self, name):
        return name in self.content

    def delete(self, name):
        self.deleted.append(name)
        self.content.pop(name, None)


class Replacing(Keeping):
    """As object stores do it: what is there stays until the new content is there."""

    def get_available_name(self, name, max_length=None):
        return name


@pytest.mark.parametrize("kind", [Replacing, Keeping])
def test_what_is_placed_stands_under_its_name_alone(monkeypatch, kind):
    elsewhere = kind()
    monkeypatch.setattr(storage, "default_storage", elsewhere)
    for content in (b"first", b"second, which is longer", b"third"):
        storage.place(io.BytesIO(content), "uploads/one")
        assert storage.read("uploads/one").read() == content
        assert list(elsewhere.content) == ["uploads/one"]


def test_a_storage_that_replaces_is_never_asked_to_delete(monkeypatch):
    elsewhere = Replacing()
    monkeypatch.setattr(storage, "default_storage", elsewhere)
    for _ in range(2):
        storage.place(io.BytesIO(b"bytes"), "uploads/one")
    assert elsewhere.deleted == []
