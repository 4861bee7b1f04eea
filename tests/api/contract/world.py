"""A tenant with every kind of key that is refused something, a neighbour, and rows of all of them."""

from dataclasses import dataclass

import time_machine

from revidweb.accounts import actors
from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Host, HostPurpose, HostState, MemberState
from revidweb.catalog import founding
from revidweb.connections.models import Connection
from revidweb.files import erasing, links, uploading
from revidweb.files.models import StoredFile, Upload
from revidweb.jobs import cancel
from revidweb.jobs.models import Job
from revidweb.keys import issuing
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from tests import makers
from tests.api.makers import PICTURE, Program, a_program, a_user
from tests.files.makers import an_upload, encoded

from .bad import put

FENCE = "203.0.113.0/24"
ELSEWHERE_HOST, MEDIA_HOST = "studio.elsewhere-films.com", "media.studio-films.com"


@dataclass
class World:
    """programs: by what is to be said of them; ids: rows, addresses and tickets by name."""

    programs: dict[str, Program]
    ids: dict[str, str]


def a_world(owner: Actor, user: Actor) -> World:
    stranger = actors.of(founding.found(makers.a_person(), name="Elsewhere"))
    _hosts(owner, stranger)
    programs = _good(user) | _limited(user) | _closed(user, owner)
    programs |= {
        "of a tenant at rest": a_program(_at_rest()),
        "of the owner": a_program(owner),
        "of another member": a_program(a_user(owner)),
        "of another tenant": a_program(stranger),
        "of a poor member": a_program(a_user(owner, credits=3)),
    }
    return World(programs, _ids(programs, owner, user, stranger))


def _at_rest() -> Actor:
    """An owner whose connections are all switched off."""
    owner = actors.of(founding.found(makers.a_person(), name="At rest"))
    Connection.objects.filter(tenant=owner.tenant).update(is_enabled=False)
    return owner


def _hosts(owner: Actor, stranger: Actor) -> None:
    for actor, name, purpose in (
        (owner, MEDIA_HOST, HostPurpose.MEDIA),
        (stranger, ELSEWHERE_HOST, HostPurpose.WEB),
    ):
        Host.objects.create(tenant=actor.tenant, name=name, purpose=purpose, state=HostState.APPROVED)


def _good(user: Actor) -> dict[str, Program]:
    return {
        "shared": a_program(user),
        "sibling": a_program(user),
        "fenced": a_program(user, addresses=(FENCE,)),
        "nobody": Program(),
    }


def _limited(user: Actor) -> dict[str, Program]:
    """Each has used what it may."""
    used = {
        "a day": a_program(user, day=6),
        "a week": a_program(user, week=6, day=100),
        "a month": a_program(user, month=6),
        "a life": a_program(user, lifetime=6, day=6),
        "a queue": a_program(user, running=1, queue=0),
        "a budget": a_program(user, kind="budgeted", credits=5),
        "pictures alone": a_program(user, kinds=("image",)),
        "one model": a_program(user, models=("image-4.0",)),
        "a rate": a_program(user, per_minute=1),
    }
    for program in used.values():
        assert program.post("/image/generate", PICTURE).status_code == 200
    return used


def _closed(user: Actor, owner: Actor) -> dict[str, Program]:
    names = ("revoked", "expired", "paused", "rotated")
    closed = {name: a_program(user) for name in names}
    issuing.revoke(user, closed["revoked"].key)
    ApiKey.objects.filter(pk=closed["expired"].key.pk).update(expires_at=clock.ago(1))
    issuing.pause(user, closed["paused"].key)
    issuing.rotate(user, closed["rotated"].key, grace_s=0)
    suspended = a_user(owner)
    closed["suspended"] = a_program(suspended)
    type(suspended.member).objects.filter(pk=suspended.member.pk).update(state=MemberState.SUSPENDED)
    return closed


def _ids(programs: dict[str, Program], owner: Actor, user: Actor, stranger: Actor) -> dict[str, str]:
    ids = {
        "job": _job(programs["shared"]),
        "cancelled": _job(programs["shared"]),
        "sibling_job": _job(programs["sibling"]),
        "owners_job": _job(programs["of the owner"]),
        "strangers_job": _job(programs["of another tenant"]),
        "strangers_secret": f"Bearer {programs['of another tenant'].secret}",
        "secret": f"Bearer {programs['shared'].secret}",
    }
    cancel.cancel(user, Job.objects.full().get(public_id=ids["cancelled"]))
    named = programs["shared"].post("/image/generate", PICTURE, headers={"Idempotency-Key": "named"})
    assert named.status_code == 200
    return ids | _uploads(programs) | _files(owner, stranger)


def _job(program: Program) -> str:
    return program.post("/image/generate", PICTURE).json()["job_id"]


def _uploads(programs: dict[str, Program]) -> dict[str, str]:
    """Begun ones in each state; `put_…`: where their bytes go."""
    ids = {}
    for name in ("waiting", "late", "ready", "junk", "erased"):
        begun = programs["shared"].post("/files/upload/presign", {"filename": "fox.png"}).json()
        ids |= {name: begun["upload_id"], f"put_{name}": _path(begun["upload_url"])}
    for name, content in (("ready", encoded()), ("junk", b"no picture"), ("erased", encoded(kind="JPEG"))):
        assert put(f"/v1{ids[f'put_{name}']}", content).status_code == 200
        programs["shared"].post("/files/upload/confirm", {"upload_id": ids[name]})
    for name, who in {"sibling_upload": "sibling", "strangers_upload": "of another tenant"}.items():
        ids[name] = programs[who].post("/files/upload/presign", {"filename": "fox.png"}).json()["upload_id"]
    return ids | _ended(programs["shared"], ids)


def _ended(program: Program, ids: dict[str, str]) -> dict[str, str]:
    """Addresses of a file that was deleted since, and of an upload that waited too long."""
    erased = program.get(f"/files/upload/{ids['erased']}/status").json()["url"]
    erasing.erase(StoredFile.objects.filter(content_type="image/jpeg"))
    Upload.objects.filter(public_id=ids["late"]).update(created_at=clock.ago(200_000))
    late, _expires_at = links.sign_upload(Upload.objects.select_related("tenant").get(public_id=ids["late"]))
    return {"erased_media": erased, "erased_path": _path(erased), "put_late": _path(late)}


def _files(owner: Actor, stranger: Actor) -> dict[str, str]:
    """Addresses of files: signed by nobody, of another tenant, for another variant, for last week."""
    theirs, owners = (uploading.keep(actor, an_upload(encoded())) for actor in (stranger, owner))
    signed, forged = links.sign(owners), f"/media/{owners.public_id}/9999999999.{'a' * 22}/original.png"
    with time_machine.travel(clock.ago(700_000)):
        late = links.sign(owners)
    return {
        "strangers_media": links.sign(theirs),
        "forged_media": signed.partition("/v1/")[0] + f"/v1{forged}",
        "forged_path": forged,
        "other_variant": _path(signed).replace("original.png", "thumb.webp"),
        "owners_media": _path(signed),
        "late_path": _path(late),
    }


def _path(address: str) -> str:
    return address.partition("/v1")[2]
