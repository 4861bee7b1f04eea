"""Who is told of what: once each, whatever order the trail is committed in and whoever dies in between."""

import pytest

from revidweb.accounts import members
from revidweb.accounts.actors import of
from revidweb.accounts.models import Member, Role
from revidweb.lib import clock
from revidweb.notices import telling, words
from revidweb.notices.models import Notice
from revidweb.trail import trail
from revidweb.trail.models import TrailRow
from tests import makers
from tests.connections.makers import an_account
from tests.keys.makers import a_key
from tests.library.makers import a_job

pytestmark = pytest.mark.django_db
LIMIT = {"limit": "month", "used": 800, "most": 1000, "period": "2026-11-01"}


def a_row(what: str, about: str, member: Member, **facts: object) -> TrailRow:
    return trail.record(what, about=about, tenant=member.tenant.public_id, **facts)


def told() -> list[Member]:
    telling.tick()
    return [notice.member for notice in Notice.objects.select_related("member").order_by("pk")]


@pytest.fixture
def house():
    """An owner, an admin, two users; and another tenant that nothing concerns."""
    tenant = makers.a_tenant()
    makers.a_member(role=Role.OWNER)
    roles = (Role.OWNER, Role.ADMIN, Role.USER, Role.USER)
    return [makers.a_member(tenant, role=role) for role in roles]


def test_a_limit_is_told_to_the_keys_member_alone(house):
    _owner, _admin, ann, _ben = house
    a_row("key.limit_near", a_key(ann).key.reference, ann, **LIMIT)
    assert told() == [ann]
    assert Notice.objects.get().mail_due_at is not None


def test_a_standalone_keys_limit_is_told_to_those_who_run_the_tenant(house):
    owner, admin, _ann, _ben = house
    key = a_key(admin, kind="standalone", credits=10).key
    a_row("key.limit_reached", key.reference, admin, **LIMIT)
    assert set(told()) == {owner, admin}


@pytest.mark.parametrize(
    ("what", "facts"),
    [
        ("connection.in_trouble", {"trouble": "invalid", "reason": "Invalid API key"}),
        ("connection.unreachable", {"reason": "timed out"}),
        ("catalog.changed", {"changes": 3, "waiting": 1}),
    ],
)
def test_connections_are_told_of_to_owners_and_admins_by_the_bell_alone(house, what, facts):
    owner, admin, _ann, _ben = house
    a_row(what, an_account(owner.tenant).reference, owner, **facts)
    assert set(told()) == {owner, admin}
    assert not Notice.objects.filter(mail_due_at__isnull=False).exists()


def test_prices_that_moved_without_a_question_are_told_to_nobody(house):
    owner = house[0]
    a_row("catalog.changed", an_account(owner.tenant).reference, owner, changes=3, waiting=0)
    assert told() == []


def test_a_lost_job_is_told_to_who_asked_for_it_and_to_those_who_run_the_tenant(house):
    owner, admin, ann, _ben = house
    a_row("job.lost", a_job(ann).reference, ann)
    assert set(told()) == {owner, admin, ann}


def test_other_rows_concern_nobody(house):
    a_row("job.done", a_job(house[2]).reference, house[2])
    a_row("key.paused", a_key(house[2]).key.reference, house[2])
    assert told() == []


def test_a_round_again_tells_nobody_twice(house):
    ann = house[2]
    a_row("key.limit_near", a_key(ann).key.reference, ann, **LIMIT)
    assert told() == told() == [ann]


def test_two_rounds_at_once_tell_each_once(house, monkeypatch):
    ann = house[2]
    row = a_row("key.limit_near", a_key(ann).key.reference, ann, **LIMIT)
    seen = [[row], [], [row], []]
    monkeypatch.setattr(telling, "_untold", lambda floor: seen.pop(0))
    telling.tick()
    telling.tick()
    assert Notice.objects.count() == 1


def test_who_dies_before_the_end_leaves_the_rest_to_the_next_round(house, monkeypatch):
    ann = house[2]
    key = a_key(ann).key
    for _ in range(5):
        a_row("key.limit_near", key.reference, ann, **LIMIT)
    monkeypatch.setattr(telling, "MOST_AT_ONCE", 2)
    batches = iter([telling._untold(0)])

    def dies(floor):
        return next(batches)  # StopIteration at the second one

    with monkeypatch.context() as patched:
        patched.setattr(telling, "_untold", dies)
        with pytest.raises(StopIteration):
            telling.tick()
    assert Notice.objects.count() == 2
    assert len(told()) == 5


def test_a_row_that_is_committed_after_later_ones_is_told(house, monkeypatch):
    ann = house[2]
    key = a_key(ann).key
    late = a_row("key.limit_near", key.reference, ann, **LIMIT)
    facts = {column.attname: getattr(late, column.attname) for column in TrailRow._meta.concrete_fields}
    late.delete()
    a_row("key.limit_reached", key.reference, ann, **LIMIT)
    clock_s = [1000.0]
    monkeypatch.setattr(telling.time, "monotonic", lambda: clock_s[0])
    assert len(told()) == 1
    clock_s[0] += 600
    TrailRow.objects.create(**facts)
    assert len(told()) == 2


def test_only_the_last_minutes_are_looked_at_once_a_process_runs_for_a_while(house, monkeypatch):
    ann = house[2]
    key = a_key(ann).key
    clock_s = [1000.0]
    monkeypatch.setattr(telling.time, "monotonic", lambda: clock_s[0])
    first = a_row("key.limit_near", key.reference, ann, **LIMIT)
    telling.tick()
    assert telling._floor() == 0
    clock_s[0] += 901
    telling.tick()
    assert telling._floor() == first.pk


def test_what_is_a_week_old_is_no_news(house):
    ann = house[2]
    a_row("key.limit_near", a_key(ann).key.reference, ann, **LIMIT)
    TrailRow.objects.update(at=clock.ago(8 * 86_400))
    assert told() == []


def test_who_joins_later_is_not_told_of_before(house):
    owner, admin, _ann, _ben = house
    a_row("connection.unreachable", an_account(owner.tenant).reference, owner, reason="timed out")
    telling.tick()
    makers.a_member(owner.tenant, role=Role.ADMIN)
    assert set(told()) == {owner, admin}


def test_who_is_suspended_is_told_nothing(house):
    owner, admin, ann, _ben = house
    key = a_key(ann).key
    members.suspend(of(owner), ann)
    a_row("key.limit_near", key.reference, ann, **LIMIT)
    members.suspend(of(owner), admin)
    a_row("connection.unreachable", an_account(owner.tenant).reference, owner, reason="timed out")
    assert told() == [owner]


def test_another_tenants_thing_tells_nobody_of_it(house):
    """A row names tenant and thing by text: only both together find a member."""
    ann = house[2]
    stranger = makers.a_member()
    a_row("key.limit_near", a_key(stranger).key.reference, ann, **LIMIT)
    assert stranger not in told()


# -- the words


ALL = {
    "key.limit_near": (
        {"limit": "month", "used": 1800, "most": 2000},
        "“Shop” has used 90 % of its limit for this month",
    ),
    "key.limit_reached": ({"limit": "budget", "used": 500, "most": 500}, "“Shop” has used up its budget"),
    "webhook.given_up": ({"host": "example.com", "status": 500}, "A webhook of “Shop” was given up"),
    "connection.in_trouble": ({"trouble": "exhausted"}, "Studio is out of credits"),
    "connection.unreachable": ({"reason": "timed out"}, "Studio is not reached"),
    "connection.differs": ({"count": 2}, "2 orders cost something else at Studio than here"),
    "catalog.changed": ({"changes": 4, "waiting": 2}, "2 prices of Studio wait for you"),
    "job.lost": ({}, "A job was given up as lost"),
    "job.late_success": ({"results": 1}, "A failed job succeeded late"),
    "host.approved": ({"name": "ai.example.com", "purpose": "web"}, "ai.example.com is served now"),
    "host.refused": ({"name": "ai.example.com", "purpose": "web"}, "ai.example.com is not served"),
}


def test_every_kind_has_its_words_and_its_readers():
    assert set(ALL) == set(words.KINDS) == set(telling.KINDS)


@pytest.mark.parametrize("what", ALL)
def test_a_notice_says_what_happened_and_leads_there(house, what):
    owner = house[0]
    facts, title = ALL[what]
    about = {
        "key": a_key(owner, name="Shop").key.reference,
        "webhook": a_key(owner, name="Shop").key.reference,
        "connection": an_account(owner.tenant, name="Studio").reference,
        "catalog": an_account(owner.tenant, name="Studio").reference,
        "job": a_job(owner, prompt="Paper boats").reference,
        "host": owner.tenant.reference,
    }[what.partition(".")[0]]
    a_row(what, about, owner, **facts)
    telling.tick()
    (one,) = words.told(Notice.objects.filter(member=owner))
    assert one.words.title == title
    assert one.words.text
    client = makers.a_client(owner)
    assert client.get(one.words.path).status_code == 200


@pytest.mark.parametrize("limit", ["day", "week", "month", "lifetime", "budget"])
def test_every_limit_has_its_sentences(house, limit):
    ann = house[2]
    reference = a_key(ann, name="Shop").key.reference
    for what in ("key.limit_near", "key.limit_reached"):
        a_row(what, reference, ann, **LIMIT | {"limit": limit})
    telling.tick()
    said = [one.words for one in words.told(Notice.objects.order_by("pk"))]
    assert "800 of 1,000 credits are used." in said[0].text
    assert "“Shop” has used 80 % of its" in said[0].title
    assert "is refused until" in said[1].text


def test_words_take_one_query_whatever_their_number(house, django_assert_num_queries):
    ann = house[2]
    for _ in range(5):
        a_row("key.limit_near", a_key(ann).key.reference, ann, **LIMIT)
    telling.tick()
    with django_assert_num_queries(1):
        assert len(words.told(Notice.objects.all())) == 5
