"""Deleting files."""

import os
import time

import pytest
from django.db import transaction

from revidweb.files import erasing, storage, uploading
from revidweb.files.models import StoredFile
from revidweb.lib import clock
from tests.makers import an_actor

from . import makers

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept():
    return uploading.keep(an_actor(), makers.an_upload(makers.encoded()))


def rows(*files):
    return StoredFile.objects.filter(pk__in=[file.pk for file in files])


def is_there(file):
    return [storage.exists(name) for name in file.names]


def test_bytes_go_after_the_commit_and_the_row_stays(kept, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        assert erasing.erase(rows(kept)) == 1
        assert is_there(kept) == [True, True]
    kept.refresh_from_db()
    assert is_there(kept) == [False, False]
    assert kept.deleted_at
    assert kept.erased_at
    assert kept.blur == ""


def test_a_rolled_back_delete_loses_nothing(kept, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        erasing.erase(rows(kept))
        transaction.set_rollback(True)
    kept.refresh_from_db()
    assert (kept.deleted_at, is_there(kept)) == (None, [True, True])


def test_deleting_twice_changes_nothing(kept, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        erasing.erase(rows(kept))
    kept.refresh_from_db()
    when = kept.deleted_at
    with django_capture_on_commit_callbacks(execute=True):
        assert erasing.erase(rows(kept)) == 0
    kept.refresh_from_db()
    assert kept.deleted_at == when


def test_the_sweep_finishes_what_a_crash_left(kept):
    erasing.erase(rows(kept))  # the commit's deed never ran
    assert erasing.sweep() == 0  # it may still be running
    rows(kept).update(deleted_at=clock.ago(3600))
    assert erasing.sweep() == 1
    kept.refresh_from_db()
    assert (is_there(kept), bool(kept.erased_at)) == ([False, False], True)
    assert erasing.sweep() == 0


def test_a_storage_in_trouble_is_asked_again(kept, monkeypatch, django_capture_on_commit_callbacks):
    def broken(*_names):
        raise OSError("disk")

    with monkeypatch.context() as trouble, django_capture_on_commit_callbacks(execute=True):
        trouble.setattr(storage, "delete", broken)
        erasing.erase(rows(kept))
        rows(kept).update(deleted_at=clock.ago(3600))
        assert erasing.sweep() == 0
    assert erasing.sweep() == 1
    assert is_there(kept) == [False, False]


def test_bytes_already_gone_are_erased(kept):
    storage.delete(*kept.names)
    erasing.erase(rows(kept))
    rows(kept).update(deleted_at=clock.ago(3600))
    assert erasing.sweep() == 1


def test_the_same_content_may_be_given_again_after_its_deletion(kept, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        erasing.erase(rows(kept))
    again = uploading.keep(an_actor(kept.tenant), makers.an_upload(makers.encoded()))
    assert again != kept
    assert is_there(again) == [True, True]


def test_scratch_older_than_a_day_goes(settings):
    parts = settings.VAR_DIR / "media" / ".parts"
    parts.mkdir(parents=True, exist_ok=True)
    old_folder, old_part, fresh = settings.TMP_DIR / "crashed", parts / "half", settings.TMP_DIR / "at-work"
    old_folder.mkdir()
    (old_folder / "upload").write_bytes(b"x")
    old_part.write_bytes(b"x")
    fresh.write_bytes(b"x")
    for path in (old_folder, old_part):
        os.utime(path, (time.time() - 90_000,) * 2)
    assert erasing.sweep() == 2
    assert [path.exists() for path in (old_folder, old_part, fresh)] == [False, False, True]
    fresh.unlink()
