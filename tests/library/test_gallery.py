from datetime import UTC, date, datetime

import pytest

from revidweb.accounts.actors import of
from revidweb.credits import checking
from revidweb.files import storage
from revidweb.jobs.models import JobInput, Output, Settlement
from revidweb.lib.refusal import Refusal
from revidweb.library import favourites, gallery
from revidweb.library.gallery import Filters
from revidweb.trail import trail
from tests.keys.makers import a_key_actor
from tests.library.makers import a_job, a_model, an_actor_with, an_output
from tests.makers import a_member, a_tenant, an_actor

pytestmark = pytest.mark.django_db


def shown(actor, before=None, limit=gallery.PER_PAGE, **filters):
    return gallery.page(actor, Filters(**filters), before=before, limit=limit).outputs


def test_a_page_is_one_query_with_all_that_a_tile_shows(django_assert_num_queries):
    actor = an_actor_with(3)
    with django_assert_num_queries(1):
        for output in shown(actor):
            assert output.file.width
            assert output.job.media_model.title
            assert output.job.params == {}
            assert output.is_favourite is False


def test_the_newest_come_first_and_each_page_goes_on_where_the_last_one_ended():
    actor = an_actor_with(5)
    first = gallery.page(actor, Filters(), limit=3)
    second = gallery.page(actor, Filters(), before=first.outputs[-1], limit=3)
    assert (first.has_older, second.has_older) == (True, False)
    all_ids = [output.pk for output in first.outputs + second.outputs]
    assert all_ids == sorted(all_ids, reverse=True)
    assert len(all_ids) == 5


def test_results_of_one_moment_are_neither_shown_twice_nor_left_out():
    moment = datetime(2026, 5, 1, 12, tzinfo=UTC)
    actor = an_actor_with(4, at=moment)
    first = gallery.page(actor, Filters(), limit=2).outputs
    assert {output.pk for output in first + shown(actor, before=first[-1])} == set(
        Output.objects.values_list("pk", flat=True)
    )


def test_a_position_stands_after_its_result_was_deleted():
    actor = an_actor_with(3)
    _newest, middle, oldest = shown(actor)
    gallery.erase(actor, middle)
    assert shown(actor, before=middle) == [oldest]


def test_a_user_sees_their_own_and_an_owner_all_of_the_tenant():
    owner = an_actor(role="owner")
    mine, theirs = an_output(owner.member), an_output(a_member(owner.tenant))
    an_output()
    assert set(shown(owner)) == {mine, theirs}
    assert shown(of(theirs.member)) == [theirs]


def test_each_filter_narrows():
    owner = an_actor(role="owner")
    model = a_model("flux")
    fox = an_output(owner.member, prompt="A Fox in tall grass", model=model)
    clip = an_output(a_member(owner.tenant), prompt="Waves", kind="video")
    favourites.put(owner, clip)
    assert shown(owner, kind="video") == [clip]
    assert shown(owner, kind="image") == [fox]
    assert shown(owner, model=model.pk) == [fox]
    assert shown(owner, member=clip.member.pk) == [clip]
    assert shown(owner, favourite=True) == [clip]
    assert shown(owner, search="fox IN") == [fox]
    assert shown(owner, search="100%") == []
    assert shown(owner, kind="video", model=model.pk) == []


def test_a_user_who_asks_for_another_member_finds_nothing():
    theirs = an_output(tenant_member := a_member())
    user = an_actor(tenant_member.tenant)
    assert shown(user, member=theirs.member.pk) == []


def test_days_are_the_tenants():
    owner = an_actor(a_tenant(time_zone="Pacific/Auckland"), role="owner")
    late = an_output(owner.member, at=datetime(2026, 3, 1, 10, 59, tzinfo=UTC))  # 23:59 of the 1st in Auckland
    early = an_output(owner.member, at=datetime(2026, 3, 1, 11, 0, tzinfo=UTC))  # 00:00 of the 2nd
    assert shown(owner, since=date(2026, 3, 2)) == [early]
    assert shown(owner, until=date(2026, 3, 1)) == [late]
    assert shown(owner, since=date(2026, 3, 1), until=date(2026, 3, 2)) == [early, late]


def test_neighbours_keep_the_filters(django_assert_num_queries):
    actor = an_actor()
    first, clip, second, third = (an_output(actor.member, kind=kind) for kind in ("image", "video", "image", "image"))
    with django_assert_num_queries(2):
        beside = gallery.neighbours(actor, Filters(kind="image"), second)
    assert beside == gallery.Neighbours(newer=third.public_id, older=first.public_id)
    assert gallery.neighbours(actor, Filters(), clip).older == first.public_id
    assert gallery.neighbours(actor, Filters(), third).newer == ""


def test_a_favourite_is_the_members_own():
    owner = an_actor(role="owner")
    output = an_output(a_member(owner.tenant))
    favourites.put(owner, output)
    assert shown(owner)[0].is_favourite
    assert not shown(of(output.member))[0].is_favourite


def test_marking_twice_marks_once_and_so_does_taking_away():
    actor = an_actor_with(1)
    [output] = shown(actor)
    favourites.put(actor, output)
    favourites.put(actor, output)
    assert output.favourites.count() == 1
    favourites.remove(actor, output)
    favourites.remove(actor, output)
    assert output.favourites.count() == 0


def test_erase_takes_the_file_and_leaves_job_settlement_and_ledger(django_capture_on_commit_callbacks):
    actor = an_actor_with(1)
    [output] = shown(actor)
    with django_capture_on_commit_callbacks(execute=True):
        assert gallery.erase(actor, output)
    assert shown(actor) == []
    output.refresh_from_db()
    assert output.deleted_at
    assert output.file.deleted_at
    assert not any(storage.exists(name) for name in output.file.names)
    assert (output.job.state, Settlement.objects.get().credits) == ("done", 4)
    assert list(checking.faults()) == []
    last = trail.of(output.job.reference).last()
    assert (last.what, last.actor, last.facts) == ("output.deleted", actor.name, {"output": output.public_id})


def test_erasing_twice_changes_nothing_more():
    actor = an_actor_with(1)
    [output] = shown(actor)
    gallery.erase(actor, output)
    before = Output.objects.values().get()
    assert gallery.erase(actor, output) is False
    assert Output.objects.values().get() == before
    assert trail.of(output.job.reference).filter(what="output.deleted").count() == 1


def test_an_admin_deletes_any_result_of_the_tenant_and_a_user_only_their_own():
    admin = an_actor(role="admin")
    output = an_output(a_member(admin.tenant))
    assert not gallery.erase(an_actor(admin.tenant), output)
    assert gallery.erase(admin, output)


@pytest.mark.parametrize("role", ["owner", "user"])
def test_a_stranger_deletes_nothing(role):
    output = an_output()
    assert not gallery.erase(an_actor(role=role), output)
    output.refresh_from_db()
    assert output.deleted_at is None


def test_a_result_that_a_running_job_starts_from_stays_until_it_ended():
    actor = an_actor_with(1)
    [output] = shown(actor)
    job = a_job(actor.member, state="queued")
    JobInput.objects.create(job=job, file=output.file)
    with pytest.raises(Refusal, match="output_in_use"):
        gallery.erase(actor, output)
    job.move("failed")
    assert gallery.erase(actor, output)


# -- keys ------------------------------------------------------------------------------------------------------------


def of_a_key(member):
    """A result of the member's key, the key as an actor, and beside it a result of the member."""
    key = a_key_actor(member)
    an_output(member)
    output = an_output(member)
    Output.objects.filter(pk=output.pk).update(key=key.key.pk)
    return Output.objects.get(pk=output.pk), key


def test_a_key_sees_its_own_results_and_its_member_all_of_theirs(django_assert_num_queries):
    member = a_member()
    output, key = of_a_key(member)
    with django_assert_num_queries(1):
        assert shown(key) == [output]
    assert len(shown(of(member))) == 2
    assert gallery.neighbours(key, Filters(), output) == gallery.Neighbours("", "")
    assert gallery.position(key, output.public_id) == output


def test_a_keys_results_have_no_marks_not_even_its_members():
    output, key = of_a_key(a_member())
    favourites.put(of(output.member), output)
    assert shown(key)[0].is_favourite is False
    assert (favourites.has(key, output), shown(key, favourite=True)) == (False, [])
    for deed in (favourites.put, favourites.remove):
        with pytest.raises(Refusal, match="not_allowed"):
            deed(key, output)


def test_a_key_deletes_nothing():
    output, key = of_a_key(a_member())
    with pytest.raises(Refusal, match="not_allowed"):
        gallery.erase(key, output)
    assert shown(key) == [output]
