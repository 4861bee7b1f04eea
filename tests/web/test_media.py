"""Media: the bytes of stored files, in whole and in part."""

import gc
from urllib.parse import unquote

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import Client
from django.urls import reverse

from revidweb.accounts import actors
from revidweb.accounts.models import Role
from revidweb.files import intake, logos, storage, uploading
from revidweb.files.models import Purpose
from revidweb.lib import clock
from tests.files import makers
from tests.makers import a_client, a_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return a_member()


@pytest.fixture
def photo(member):
    return uploading.keep(actors.of(member), makers.an_upload(makers.encoded(makers.a_picture(1000, 500))))


@pytest.fixture
def content(photo):
    with storage.read(photo.path) as file:
        return file.read()


@pytest.fixture
def connection_kept():
    """The end of a request gives the database connection back, which the test still needs."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


def url(file, variant="original"):
    return reverse("media", args=[file.tenant.slug, file.public_id, variant])


def get(client, path, **headers):
    """The answer with its body read, as a browser would, so that its file is closed."""
    answer = client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer.body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer


def body(answer):
    return answer.body


def ask(member, file, variant="original", **headers):
    return get(a_client(member), url(file, variant), **headers)


# -- the whole file


def test_a_member_gets_their_file_whole(member, photo, content):
    answer = ask(member, photo)
    assert (answer.status_code, body(answer)) == (200, content)
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Length"] == str(len(content))
    assert answer["Accept-Ranges"] == "bytes"
    assert answer["ETag"].startswith(f'"{photo.sha256[:40]}')


def test_it_is_kept_by_the_browser_and_runs_nothing(member, photo):
    answer = ask(member, photo)
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"


def test_head_answers_the_same_without_the_body(member, photo, content):
    answer = a_client(member).head(url(photo), headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert (answer["Content-Length"], answer["Content-Type"]) == (str(len(content)), "image/png")


def test_variants_differ_in_bytes_and_version(member, tmp_path):
    clip = intake.take_in(
        makers.a_clip(tmp_path, width=960, height=540),
        tenant=member.tenant,
        member=member,
        purpose=Purpose.OUTPUT,
        stem="outputs/t/variants/0",
    )
    clip.save()
    answers = [ask(member, clip, variant) for variant in ("original", "thumb", "poster")]
    assert [answer["Content-Type"] for answer in answers] == ["video/mp4", "image/webp", "image/webp"]
    assert len({answer["ETag"] for answer in answers}) == 3
    assert len({body(answer) for answer in answers}) == 3


@pytest.mark.parametrize("variant", ["poster", "blur", "path"])
def test_a_variant_that_the_file_does_not_have_is_404(member, photo, variant):
    assert ask(member, photo, variant).status_code == 404


def test_bytes_that_are_gone_are_404(member, photo):
    storage.delete(*photo.names)
    assert ask(member, photo).status_code == 404


# -- parts


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=100-199", 100, 199),
        ("bytes=10-", 10, None),
        ("bytes=-10", -10, None),
        ("bytes=-99999999", 0, None),
        ("bytes=5-99999999", 5, None),
    ],
)
def test_a_range_is_answered_with_exactly_that_part(member, photo, content, header, start, end):
    answer = ask(member, photo, Range=header)
    size = len(content)
    first, last = start % size, size - 1 if end is None else end
    assert (answer.status_code, body(answer)) == (206, content[first : last + 1])
    assert answer["Content-Range"] == f"bytes {first}-{last}/{size}"
    assert answer["Content-Length"] == str(last - first + 1)
    assert answer["Content-Type"] == "image/png"


@pytest.mark.parametrize("header", ["bytes=0-1,5-9", "bytes=9-5", "items=0-5", "bytes=x-", "bytes=-", "nonsense"])
def test_what_is_not_one_range_is_answered_whole(member, photo, content, header):
    answer = ask(member, photo, Range=header)
    assert (answer.status_code, body(answer)) == (200, content)
    assert "Content-Range" not in answer


@pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=99999999-999999999", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(member, photo, content, header):
    answer = ask(member, photo, Range=header)
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(content)}")
    assert "immutable" not in answer["Cache-Control"]


def test_if_range_gives_the_part_of_our_version_and_the_whole_of_any_other(member, photo, content):
    etag = ask(member, photo)["ETag"]
    assert ask(member, photo, Range="bytes=0-9", If_Range=etag).status_code == 206
    for other in ('"other"', f"W/{etag}", "Fri, 20 Nov 2026 12:00:00 GMT"):
        answer = ask(member, photo, Range="bytes=0-9", If_Range=other)
        assert (answer.status_code, body(answer)) == (200, content)


def test_a_known_version_is_304_with_or_without_a_range(member, photo):
    etag = ask(member, photo)["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = ask(member, photo, If_None_Match=known, Range="bytes=0-9")
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
        assert "immutable" in answer["Cache-Control"]
    assert ask(member, photo, If_None_Match='"other"').status_code == 200


def test_a_large_file_comes_in_chunks_and_is_closed(member, tmp_path):
    noise = tmp_path / "noise.png"
    noise.write_bytes(makers.encoded(makers.Image.effect_noise((900, 900), 250)))
    file = intake.take_in(noise, tenant=member.tenant, member=member, purpose=Purpose.OUTPUT, stem="outputs/t/chunks/0")
    file.save()
    answer = a_client(member).get(url(file), headers={"Range": "bytes=1000-"})
    chunks = list(answer.streaming_content)
    assert len(chunks) > 1
    assert b"".join(chunks) == noise.read_bytes()[1000:]


@pytest.mark.usefixtures("connection_kept")
def test_a_reader_who_leaves_early_leaves_no_open_file(member, photo):
    answer = a_client(member).get(url(photo))
    next(answer.streaming_content)
    answer.close()
    del answer
    gc.collect()  # an open file would warn here, and a warning fails the test


@pytest.mark.usefixtures("connection_kept")
def test_an_answer_that_nobody_reads_leaves_no_open_file(member, photo):
    answer = a_client(member).get(url(photo))
    answer.close()
    del answer
    gc.collect()


# -- who


def test_a_stranger_another_member_and_nobody_get_nothing(member, photo):
    assert ask(a_member(), photo).status_code == 404
    assert ask(a_member(member.tenant), photo).status_code == 404
    answer = Client().get(url(photo))
    assert (answer.status_code, reverse("account_login") in answer["Location"]) == (302, True)


def test_who_sees_all_sees_it(member, photo, content):
    assert body(ask(a_member(member.tenant, role=Role.ADMIN), photo)) == content


def test_another_tenants_path_does_not_lead_to_it(member, photo):
    other = a_member(person=member.person)
    path = reverse("media", args=[other.tenant.slug, photo.public_id, "original"])
    assert a_client(member).get(path).status_code == 404


def test_a_deleted_file_is_404(member, photo):
    photo.deleted_at = clock.now()
    photo.save()
    assert ask(member, photo).status_code == 404


def test_only_reading_is_possible(member, photo):
    for method in ("post", "put", "patch", "delete"):
        assert getattr(a_client(member), method)(url(photo)).status_code == 405


def test_it_costs_two_queries_beyond_session_and_person(member, photo, django_assert_max_num_queries):
    client, path = a_client(member), url(photo)
    with django_assert_max_num_queries(4):
        get(client, path)


# -- saving


def saved_as(member, photo, name):
    photo.name = name
    photo.save()
    header = get(a_client(member), url(photo) + "?download")["Content-Disposition"]
    return header, unquote(header.partition("filename*=UTF-8''")[2])


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("Sunset.png", "Sunset.png"),
        ("Sunset.jpg", "Sunset.png"),
        ("a fox in the snow", "a fox in the snow.png"),
        ("Füchse im Schnee 雪", "Füchse im Schnee 雪.png"),
        ('quo"te\\; filename=x', "quo te ; filename=x.png"),
        ("../../etc/passwd", "etc passwd.png"),
        ("line\r\nSet-Cookie: a=b", "line Set-Cookie a=b.png"),
        (".hidden", "hidden.png"),
        ("x" * 120, "x" * 100 + ".png"),
    ],
)
def test_a_download_has_a_safe_name(member, photo, name, saved):
    header, filename = saved_as(member, photo, name)
    assert header.startswith('attachment; filename="')
    assert header.isascii()
    assert filename == saved


@pytest.mark.parametrize("sign", ["\uff02", "\uff3c", "\uff0f", "\uff1a"])  # wide forms of " \\ / :
def test_a_wide_sign_does_not_end_the_name_for_old_programs(member, photo, sign):
    header, filename = saved_as(member, photo, f"fox{sign}; filename=x")
    assert header.startswith('attachment; filename="fox ; filename=x.png"; filename*=')
    assert filename == f"fox{sign}; filename=x.png"


@pytest.mark.parametrize("name", ["", "   ", "...", "///"])
def test_a_file_without_a_name_is_saved_under_its_id(member, photo, name):
    assert saved_as(member, photo, name)[1] == f"{photo.public_id}.png"


def test_a_name_without_any_ascii_has_a_fallback(member, photo):
    assert 'filename="file.png"' in saved_as(member, photo, "雪")[0]


def test_without_download_it_is_shown(member, photo):
    assert ask(member, photo)["Content-Disposition"].startswith("inline; ")


# -- the logo


def test_members_see_the_logo_and_strangers_do_not(member):
    path = reverse("logo", args=[member.tenant.slug])
    assert a_client(member).get(path).status_code == 404
    logos.put(member.tenant, makers.an_upload(makers.encoded()))
    answer = get(a_client(member), path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    assert answer["Cache-Control"] == "private, no-cache"
    assert body(answer)[8:12] == b"WEBP"
    assert a_client(member).get(path, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    versioned = get(a_client(member), path + "?v=1")
    assert "immutable" in versioned["Cache-Control"]
    assert a_client(a_member()).get(path).status_code == 404
    assert Client().get(path).status_code == 302
    assert a_client(member).post(path).status_code == 405
