"""Signed addresses: what they look like, how long they are good, and what they resolve to."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from revidweb.accounts import actors, hosts
from revidweb.accounts.actors import ActingKey, of
from revidweb.accounts.models import Host, HostPurpose, HostState, Role
from revidweb.files import intake, links, uploading
from revidweb.files.models import Purpose, Upload, UploadState
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from tests.files import makers
from tests.makers import a_member, an_actor

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _know_no_host():
    yield
    hosts._known.clear()


@pytest.fixture
def actor():
    return an_actor()


@pytest.fixture
def photo(actor):
    return uploading.keep(actor, makers.an_upload(makers.encoded()))


def a_host(tenant, name, purpose, state=HostState.APPROVED):
    return Host.objects.create(tenant=tenant, name=name, purpose=purpose, state=state)


def parts(url):
    return url.partition("/v1/media/")[2].split("/")


def a_key_of(actor, number=1):
    key = ActingKey(pk=number, public_id=f"key_{number}", name="A key")
    return actors.by_key(key, tenant=actor.tenant, member=actor.member)


# -- what they look like


def test_an_address_names_the_file_and_ends_in_what_it_is(photo):
    url = links.sign(photo)
    assert url.startswith(f"http://localhost:8000/v1/media/{photo.public_id}/")
    assert url.endswith("/original.png")
    assert links.sign(photo, name_variant="thumb").endswith("/thumb.webp")
    assert len(url) < 130


def test_a_clip_ends_in_what_it_is(actor, tmp_path):
    clip = intake.take_in(
        makers.a_clip(tmp_path), tenant=actor.tenant, member=None, purpose=Purpose.OUTPUT, stem="outputs/t/links/0"
    )
    clip.save()
    assert links.sign(clip).endswith("/original.mp4")
    assert links.sign(clip, name_variant="poster").endswith("/poster.webp")


def test_it_stays_the_same_within_an_hour_and_is_good_for_a_day(photo):
    with time_machine.travel(NOON, tick=False):
        url = links.sign(photo)
        link = links.read(*parts(url))
    with time_machine.travel(NOON + timedelta(minutes=49), tick=False):
        assert links.sign(photo) == url
    with time_machine.travel(NOON + timedelta(minutes=50), tick=False):
        assert links.sign(photo) != url
    assert NOON + timedelta(hours=24) < link.expires_at <= NOON + timedelta(hours=25)
    assert (link.file_id, link.variant) == (photo.public_id, "original")


def test_a_short_life_is_not_made_an_hour_longer(photo, settings):
    settings.MEDIA_LINK_S = 60.0
    with time_machine.travel(NOON, tick=False):
        assert 60 <= links.read(*parts(links.sign(photo))).left_s <= 120


def test_nothing_of_it_can_be_changed(photo):
    file_id, ticket, name = parts(links.sign(photo))
    expires, _dot, signature = ticket.partition(".")
    assert links.read(file_id, ticket, name)
    for forged in (
        ("fil_other", ticket, name),
        (file_id, ticket, "thumb.webp"),
        (file_id, ticket, "original.jpg"),
        (file_id, f"{int(expires) + 1}.{signature}", name),
        (file_id, f"0{expires}.{signature}", name),
        (file_id, f"{expires}.{signature[::-1]}", name),
        (file_id, f"{expires}.", name),
        (file_id, expires, name),
        (file_id, f"{'9' * 13}.{signature}", name),
        (file_id, "\0", name),
    ):
        assert links.read(*forged) is None


def test_another_secret_makes_other_addresses(photo, settings):
    link = parts(links.sign(photo))
    settings.SECRET_KEY = "another"
    assert links.read(*link) is None


# -- at which host


def test_it_is_at_the_tenants_media_host_else_at_its_web_host_else_at_ours(photo):
    assert links.sign(photo).startswith("http://localhost:8000/v1/")
    a_host(photo.tenant, "studio.aurora.com", HostPurpose.WEB)
    assert links.sign(photo).startswith("http://studio.aurora.com/v1/")
    media = a_host(photo.tenant, "media.aurora.com", HostPurpose.MEDIA, HostState.ASKED)
    assert links.sign(photo).startswith("http://studio.aurora.com/v1/")
    Host.objects.filter(pk=media.pk).update(state=HostState.APPROVED)
    assert links.sign(photo).startswith("http://media.aurora.com/v1/")


def test_many_are_signed_with_one_query(photo, django_assert_num_queries):
    with django_assert_num_queries(1):
        origin = links.origin_of(photo.tenant_id)
        assert len({links.sign(photo, origin=origin) for _ in range(5)}) == 1


# -- addresses for uploads


def test_an_upload_is_put_to_an_address_of_its_own(actor):
    upload = Upload.objects.create(tenant=actor.tenant, member=actor.member, state=UploadState.WAITING)
    url, expires_at = links.sign_upload(upload)
    upload_id, ticket = url.partition("/v1/files/upload/")[2].split("/")
    assert (upload_id, links.put_until(upload_id, ticket)) == (upload.public_id, expires_at)
    assert links.put_until("up_other", ticket) is None
    assert links.sign_upload(upload) == (url, expires_at)
    assert timedelta(hours=11) < expires_at - clock.now() < timedelta(hours=13)


def test_a_media_address_takes_no_upload_and_an_upload_address_opens_no_file(actor, photo):
    upload = Upload.objects.create(tenant=actor.tenant, member=actor.member, state=UploadState.WAITING)
    file_id, ticket, name = parts(links.sign(photo))
    assert links.put_until(file_id, ticket) is None
    ticket = links.sign_upload(upload)[0].rpartition("/")[2]
    assert links.read(upload.public_id, ticket, name) is None


# -- our own addresses


def test_an_address_of_ours_is_the_file_behind_it(actor, photo):
    assert links.own(actor, links.sign(photo)) == photo
    assert links.own(actor, links.sign(photo, name_variant="thumb")) == photo
    assert links.own(actor, links.sign(photo) + "?download#x") == photo


@pytest.mark.parametrize(
    "origin",
    [
        "HTTP://LOCALHOST:8000",
        "http://localhost.:8000",
        "https://localhost:8000",
        "http://localhost",
        "http://localhost:9999",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
        "http://ｌocalhost:8000",
        "http://studio.aurora.com",
        "https://Studio.Aurora.com.:8443",
    ],
)
def test_every_way_to_write_our_host_is_ours(actor, photo, origin):
    a_host(actor.tenant, "studio.aurora.com", HostPurpose.WEB)
    path = "/v1/media/" + "/".join(parts(links.sign(photo)))
    assert links.own(actor, origin + path) == photo
    with pytest.raises(Refusal) as refused:
        links.own(actor, f"{origin}/t/{actor.tenant.slug}/media/{photo.public_id}/original/")
    assert (refused.value.code, refused.value.field) == ("unknown_input", "img_url")


@pytest.mark.parametrize(
    "url",
    [
        "https://images.example.com/v1/media/fil_1/1.x/original.png",
        "http://localhost.example.com:8000/a.png",
        "http://10.0.0.7/a.png",
        "http://user@localhost:8000/a.png",
        "http://localhost:8000\\@example.com/a.png",
        "http://loc%61lhost:8000/a.png",
        "//localhost:8000/a.png",
        "/v1/media/fil_1/1.x/original.png",
        "ftp://localhost:8000/a.png",
        "http://[::1/a.png",
        "",
        "http://localhost:8000/\0",
    ],
)
def test_what_is_not_ours_or_no_address_is_left_to_who_fetches(actor, url):
    assert links.own(actor, url) is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/healthz",
        "/v1/balance",
        "//v1/media/{id}/{ticket}/{name}",
        "/v1//media/{id}/{ticket}/{name}",
        "/v1/media/{id}/{ticket}/{name}/",
        "/v1/media/{id}/{ticket}/..%2f{name}",
        "/v1/%6dedia/{id}/{ticket}/{name}",
        "/x/../v1/media/{id}/{ticket}/{name}",
        "/v1/files/upload/{id}/{ticket}",
        "/v1/media/{id}/{ticket}",
    ],
)
def test_any_other_address_at_our_host_is_refused_and_never_fetched(actor, photo, path):
    file_id, ticket, name = parts(links.sign(photo))
    with pytest.raises(Refusal, match="unknown_input"):
        links.own(actor, "http://localhost:8000" + path.format(id=file_id, ticket=ticket, name=name))


def test_a_neighbour_on_our_host_whom_the_operator_named_is_not_us(actor, settings):
    settings.PRIVATE_HOSTS = frozenset({"localhost:9100", "localhost:8000", "[::1]:9100"})
    assert links.own(actor, "http://localhost:9100/a.png") is None
    assert links.own(actor, "http://[::1]:9100/a.png") is None
    with pytest.raises(Refusal, match="unknown_input"):
        links.own(actor, "http://localhost:8000/a.png")


def test_a_star_among_the_allowed_hosts_makes_not_everybody_ours(actor, settings):
    settings.MAIN_HOSTS = ["*", ".ours.example.org"]
    assert links.own(actor, "https://images.example.com/a.png") is None
    with pytest.raises(Refusal, match="unknown_input"):
        links.own(actor, "https://app.ours.example.org/a.png")


def test_what_one_sees_is_found_after_its_address_expired_and_what_another_sees_is_not(actor, photo):
    url = links.sign(photo)
    neighbour, admin = of(a_member(actor.tenant)), of(a_member(actor.tenant, role=Role.ADMIN))
    assert links.own(neighbour, url) == photo  # who has a signed address may use it
    with time_machine.travel(clock.after(90_000), tick=False):
        assert links.own(actor, url) == photo
        assert links.own(admin, url) == photo
        for stranger in (neighbour, a_key_of(actor), a_key_of(admin)):
            with pytest.raises(Refusal, match="unknown_input"):
                links.own(stranger, url)


def test_a_forged_address_finds_only_what_one_sees_anyway(actor, photo):
    url = f"http://localhost:8000/v1/media/{photo.public_id}/9999999999.{'A' * 22}/original.png"
    assert links.own(actor, url) == photo
    with pytest.raises(Refusal, match="unknown_input"):
        links.own(of(a_member(actor.tenant)), url)


def test_another_tenants_file_and_a_deleted_one_are_refused(actor, photo):
    url = links.sign(photo)
    with pytest.raises(Refusal, match="unknown_input"):
        links.own(an_actor(role=Role.OWNER), url)
    photo.deleted_at = clock.now()
    photo.save()
    with pytest.raises(Refusal, match="unknown_input"):
        links.own(actor, url)


def test_another_tenants_host_is_ours_too(actor):
    a_host(a_member().tenant, "media.borealis.com", HostPurpose.MEDIA)
    with pytest.raises(Refusal, match="unknown_input"):
        links.own(actor, "https://media.borealis.com/v1/media/fil_1/1.x/original.png")
