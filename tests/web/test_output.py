import json

import pytest

from revidweb.files import storage
from revidweb.jobs.models import JobInput, Output, Settlement
from revidweb.library import favourites, gallery
from tests.library.makers import a_job, an_output
from tests.makers import a_member, an_actor

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def owner():
    return an_actor(role="owner")


@pytest.fixture
def output(owner):
    return an_output(owner.member, prompt="Paper boats on a canal", params={"aspect_ratio": "3:2", "resolution": "2k"})


@pytest.fixture
def path(output):
    return f"/t/{output.tenant.slug}/gallery/{output.public_id}/"


@pytest.fixture
def signed_in(client, owner):
    client.force_login(owner.member.person)
    return client


def test_it_shows_the_picture_with_what_was_asked_and_what_it_cost(signed_in, output, path):
    page = signed_in.get(path).content.decode()
    original = f"/t/{output.tenant.slug}/media/{output.file.public_id}/original/"
    assert f'src="{original}" width="96" height="64" alt="Paper boats on a canal"' in page
    for words in ("2K", "3:2", "4 credits", "96 × 64 px", output.job.media_model.title, str(output.member.person)):
        assert words in page
    for way in (
        f"{original}?download",
        f"/create/image/?remix={output.job.public_id}",
        f"/create/image/?input={output.file.public_id}",
        f"/jobs/{output.job.public_id}/",
    ):
        assert way in page


def test_a_clip_has_a_poster_and_its_prompt_as_name_and_is_no_input(signed_in, owner):
    clip = an_output(owner.member, kind="video", prompt="Waves", params={"duration": 5, "audio": True})
    page = signed_in.get(f"/t/{owner.tenant.slug}/gallery/{clip.public_id}/").content.decode()
    assert f'poster="/t/{owner.tenant.slug}/media/{clip.file.public_id}/poster/" aria-label="Waves" controls' in page
    assert f"/create/video/?remix={clip.job.public_id}" in page
    assert "With sound" in page
    assert "?input=" not in page


def test_over_the_gallery_comes_the_part_alone(signed_in, path):
    page = signed_in.get(path, headers=HTMX).content.decode()
    assert "Paper boats on a canal" in page
    assert "<html" not in page
    assert "<title>Paper boats on a canal" in page


def test_neighbours_are_those_of_the_filtered_gallery(signed_in, owner, output, path):
    clip, newest = an_output(owner.member, kind="video"), an_output(owner.member)
    page = signed_in.get(f"{path}?kind=image").content.decode()
    assert f"/gallery/{newest.public_id}/?kind=image" in page
    assert clip.public_id not in page
    assert f"/gallery/{clip.public_id}/" in signed_in.get(path).content.decode()


def test_it_asks_at_most_12_questions(signed_in, path, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        signed_in.get(path + "?kind=image")


@pytest.mark.parametrize("deed", ["", "favourite/", "delete/"])
@pytest.mark.parametrize("who", ["stranger", "colleague", "nobody"])
def test_others_find_nothing_and_change_nothing(client, output, path, who, deed):
    people = {"stranger": a_member(role="owner"), "colleague": a_member(output.tenant)}
    if who in people:
        client.force_login(people[who].person)
    method = client.post if deed else client.get
    expected = 302 if who == "nobody" else 404
    assert method(path + deed, {"favourite": "yes"}).status_code == expected
    output.refresh_from_db()
    assert output.deleted_at is None
    assert output.favourites.count() == 0


def test_an_admin_may_see_mark_and_delete_a_members_result(client, output, path):
    client.force_login(a_member(output.tenant, role="admin").person)
    assert client.get(path).status_code == 200
    assert client.post(path + "favourite/", {"favourite": "yes"}).status_code == 302
    assert client.post(path + "delete/").status_code == 302


@pytest.mark.parametrize("deed", ["favourite/", "delete/"])
def test_deeds_are_posted(signed_in, path, deed):
    assert signed_in.get(path + deed).status_code == 405


def test_the_page_is_only_read(signed_in, path):
    assert signed_in.post(path).status_code == 405


def test_marking_is_repeatable_and_leads_back(signed_in, owner, output, path):
    for _ in range(2):
        answer = signed_in.post(path + "favourite/?kind=image", {"favourite": "yes"})
        assert answer.url == path + "?kind=image"
    assert favourites.has(owner, output)
    for _ in range(2):
        signed_in.post(path + "favourite/", {"favourite": "no"})
    assert not favourites.has(owner, output)


def test_marking_with_scripts_tells_the_hearts(signed_in, output, path):
    answer = signed_in.post(path + "favourite/", {"favourite": "yes"}, headers=HTMX)
    assert answer.status_code == 204
    assert json.loads(answer["HX-Trigger"]) == {"favourite": {"output": output.public_id, "marked": True}}


def test_deleting_takes_the_file_and_keeps_the_record(signed_in, output, path, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = signed_in.post(path + "delete/?kind=image")
    assert answer.url == f"/t/{output.tenant.slug}/gallery/?kind=image"
    assert "The job and what it cost stay on record." in signed_in.get(answer.url).content.decode()
    assert signed_in.get(path).status_code == 404
    assert not storage.exists(output.file.path)
    assert Settlement.objects.get(job=output.job).credits == 4


def test_deleting_with_scripts_tells_the_gallery(signed_in, output, path):
    answer = signed_in.post(path + "delete/", headers=HTMX)
    assert answer.status_code == 204
    told = json.loads(answer["HX-Trigger"])
    assert told["deleted"] == {"output": output.public_id}
    assert told["toast"]["level"] == "success"


def test_deleting_twice_finds_nothing_the_second_time(signed_in, path):
    signed_in.post(path + "delete/")
    assert signed_in.post(path + "delete/").status_code == 404


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_a_running_job_starts_from_stays_and_the_page_says_why(signed_in, owner, output, path, headers):
    JobInput.objects.create(job=a_job(owner.member), file=output.file)
    answer = signed_in.post(path + "delete/", headers=headers)
    said = answer["HX-Trigger"] if headers else signed_in.get(answer.url).content.decode()
    assert "A job that still runs starts from this result." in said
    assert Output.objects.present().count() == 1


def test_a_deleted_neighbour_is_passed_over(signed_in, owner, output, path):
    gone, newest = an_output(owner.member), an_output(owner.member)
    gallery.erase(owner, gone)
    page = signed_in.get(path).content.decode()
    assert gone.public_id not in page
    assert newest.public_id in page
