"""Keys as people make, limit, fill, rotate and revoke them: once, by whom it may be, with a word on the trail."""

from datetime import timedelta

import pytest
import time_machine

from revidweb.accounts.actors import Actor, of
from revidweb.accounts.models import Member, Role
from revidweb.credits import checking as book
from revidweb.credits import ledger
from revidweb.credits.models import Transfer, Wallet
from revidweb.keys import checking, issuing, payers, proving
from revidweb.keys.issuing import Limits
from revidweb.keys.models import ApiKey, KeyKind, KeySecret
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail
from revidweb.trail.models import TrailRow
from tests import makers
from tests.credits.makers import a_wallet, figures
from tests.keys.makers import a_key

pytestmark = pytest.mark.django_db
HERE = "203.0.113.7"


@pytest.fixture(autouse=True)
def _book_and_keys_are_sound():
    yield
    assert [*book.faults(), *proving.faults()] == []


@pytest.fixture
def user() -> Actor:
    """A user with 100 credits."""
    return of(a_wallet(100).member)


@pytest.fixture
def admin(user) -> Actor:
    """Of the user's tenant."""
    return makers.an_actor(user.tenant, role=Role.ADMIN)


def make(actor: Actor, kind: str = "shared", **fields: object) -> issuing.Issued:
    return issuing.issue(actor, **{"kind": kind, "name": "Key", "token": "t", "credits": 30} | fields)


def now(key: ApiKey) -> ApiKey:
    return ApiKey.objects.select_related("tenant", "wallet", "member__person").get(pk=key.pk)


def deeds(key: ApiKey) -> list[str]:
    return [row.what for row in trail.of(key.reference)]


def refused(deed, *args: object, **fields: object) -> str:
    with pytest.raises(Refusal) as said:
        deed(*args, **fields)
    return said.value.code


# -- issue -----------------------------------------------------------------------------------------------------------


def test_a_shared_key_spends_what_its_member_spends(user):
    key = make(user).key
    assert (key.member, key.wallet, key.filled) == (user.member, None, 0)
    assert payers.of(checking.actor_of(key)) == ledger.wallet_of(user.member)


def test_an_owners_shared_key_is_paid_by_the_house():
    owner = makers.an_actor(role=Role.OWNER)
    assert payers.of(checking.actor_of(make(owner).key)) == ledger.house(owner.tenant)


def test_a_shared_key_follows_its_members_role(user):
    key = make(user).key
    Member.objects.filter(pk=user.member.pk).update(role=Role.ADMIN)
    assert payers.of(checking.actor_of(checking.by_id(key.pk, address=HERE))) == ledger.house(user.tenant)


def test_a_budgeted_key_is_filled_from_its_members_wallet(user):
    key = make(user, "budgeted").key
    assert (key.member, key.filled, figures(key.wallet)) == (user.member, 30, (30, 0, 30))
    assert figures(ledger.wallet_of(user.member)) == (70, 0, 70)
    assert payers.of(checking.actor_of(key)) == key.wallet
    assert key.wallet.origin == ledger.wallet_of(user.member)


def test_a_standalone_key_is_nobodys_and_filled_from_the_house(admin):
    key = make(admin, "standalone").key
    assert (key.member, key.wallet.origin) == (None, ledger.house(admin.tenant))
    assert figures(key.wallet) == (30, 0, 30)


def test_a_key_never_makes_keys(user):
    assert refused(make, checking.actor_of(make(user).key), token="u") == "not_allowed"


def test_only_who_manages_keys_makes_standalone_ones(user):
    assert refused(make, user, "standalone") == "not_allowed"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"kind": "golden"}, "unknown_key_kind"),
        ({"name": " \x00 "}, "key_name_needed"),
        ({"name": "x" * 81}, "key_name_too_long"),
        ({"kind": "budgeted", "credits": 0}, "credits_out_of_range"),
        ({"kind": "budgeted", "credits": -5}, "credits_out_of_range"),
        ({"kind": "budgeted", "credits": 10**12 + 1}, "credits_out_of_range"),
        ({"kind": "budgeted", "credits": 101}, "not_enough_credits"),
        ({"limits": Limits(day=-1)}, "limit_out_of_range"),
    ],
)
def test_what_is_refused_makes_nothing(user, fields, code):
    assert refused(make, user, **fields) == code
    assert not ApiKey.objects.exists()
    assert not Wallet.objects.filter(kind="key").exists()
    assert figures(ledger.wallet_of(user.member)) == (100, 0, 100)


def test_the_same_form_makes_one_key_and_shows_its_secret_once(user):
    first, again = make(user, "budgeted"), make(user, "budgeted")
    assert (again.key, again.secret) == (first.key, "")
    assert figures(ledger.wallet_of(user.member)) == (70, 0, 70)
    assert (ApiKey.objects.count(), KeySecret.objects.count()) == (1, 1)
    assert deeds(first.key) == ["key.issued"]


def test_two_people_may_hold_one_token(user, admin):
    assert make(user).key != make(admin).key


def test_a_form_without_a_token_makes_a_key_each_time(user):
    assert make(user, token="").key != make(user, token="").key


def test_names_are_made_plain(user):
    assert make(user, name="  My\nbatch \t script\x00 ").key.name == "My batch script"


def test_a_removed_member_makes_no_key_any_more(user):
    Member.objects.filter(pk=user.member.pk).update(state="removed")
    assert refused(make, user) == "not_allowed"
    Member.objects.filter(pk=user.member.pk).update(state="active")


def test_a_member_has_so_many_keys_at_once_and_no_more(user, settings):
    settings.KEYS_PER_MEMBER = 2
    first, _second = make(user, token="a"), make(user, "budgeted", token="b")
    assert refused(make, user, token="c") == "too_many_keys"
    assert make(user, token="a").key == first.key
    issuing.revoke(user, first.key)
    assert make(user, token="c").secret
    assert make(makers.an_actor(user.tenant), token="d").secret


def test_a_tenant_has_so_many_standalone_keys_at_once_and_no_more(admin, monkeypatch):
    monkeypatch.setattr(issuing, "MOST_STANDALONE", 1)
    make(admin, "standalone", token="a")
    assert refused(make, admin, "standalone", token="b") == "too_many_keys"
    assert make(admin, token="c").secret


# -- change ----------------------------------------------------------------------------------------------------------


def test_limits_are_kept_as_they_are_given_and_read_back(user):
    limits = Limits(
        **dict.fromkeys(("day", "week", "month", "lifetime", "running", "queue", "per_minute"), 7),
        models=("veo3.1",),
        kinds=("video",),
        addresses=("203.0.113.0/24",),
        expires_at=clock.after(3600),
        callback_url="https://example.com/hook",
    )
    key = make(user, limits=limits).key
    assert Limits.of(now(key)) == limits
    assert Limits.of(issuing.change(user, key, name="Other", limits=Limits())) == Limits()
    assert now(key).name == "Other"


def test_a_change_says_what_changed_and_the_same_again_says_nothing(user):
    key = make(user).key
    for _ in range(2):
        issuing.change(user, key, name="Key", limits=Limits(day=5, callback_url="https://example.com/?token=abc"))
    rows = list(trail.of(key.reference))
    assert [row.what for row in rows] == ["key.issued", "key.changed"]
    assert rows[1].facts == {"changed": ["day_limit", "callback_url"]}


def test_a_change_leaves_what_is_counted_meanwhile(user):
    key = make(user).key
    ApiKey.objects.filter(pk=key.pk).update(day_credits=9, moving=2)
    issuing.change(user, key, name="New", limits=Limits(day=5))
    assert (now(key).day_credits, now(key).moving) == (9, 2)


# -- rotate ----------------------------------------------------------------------------------------------------------


def test_the_old_secret_works_as_long_as_was_chosen():
    issued = a_key()
    start = clock.now()
    with time_machine.travel(start, tick=False) as traveller:
        fresh = issuing.rotate(of(issued.key.member), issued.key, grace_s=60).secret
        traveller.shift(59)
        assert checking.by_secret(issued.secret, address=HERE) == checking.by_secret(fresh, address=HERE)
        traveller.shift(1)
        assert refused(checking.by_secret, issued.secret, address=HERE) == "key_expired"
        assert checking.by_secret(fresh, address=HERE) == issued.key


def test_without_grace_the_old_secret_ends_at_once():
    issued = a_key()
    fresh = issuing.rotate(of(issued.key.member), issued.key, grace_s=0).secret
    assert refused(checking.by_secret, issued.secret, address=HERE) == "key_expired"
    assert checking.by_secret(fresh, address=HERE)


def test_of_two_rotations_of_one_secret_the_first_makes_another(user):
    key = make(user).key
    seen = str(KeySecret.objects.get().pk)
    assert issuing.rotate(user, key, grace_s=60, seen=seen).secret
    for old in (seen, "", "x"):
        assert refused(issuing.rotate, user, key, grace_s=60, seen=old) == "rotated_already"
    assert KeySecret.objects.count() == 2


def test_a_second_rotation_never_lengthens_the_first():
    issued = a_key()
    me = of(issued.key.member)
    with time_machine.travel(clock.now(), tick=False) as traveller:
        issuing.rotate(me, issued.key, grace_s=60)
        issuing.rotate(me, issued.key, grace_s=3600)
        ends = list(KeySecret.objects.order_by("pk").values_list("expires_at", flat=True))
        assert ends == [clock.now() + timedelta(seconds=60), clock.now() + timedelta(seconds=3600), None]
        traveller.shift(60)
        assert refused(checking.by_secret, issued.secret, address=HERE) == "key_expired"


@pytest.mark.parametrize("grace_s", [-1, 30 * 86_400 + 1, 1.5])
def test_a_grace_has_bounds(user, grace_s):
    assert refused(issuing.rotate, user, make(user).key, grace_s=grace_s) == "grace_out_of_range"


def test_a_webhooks_secret_is_sealed_and_rotates(user):
    key = make(user).key
    first = issuing.signing_secret(key)
    assert first.startswith("whsec_")
    assert first not in now(key).signing_secret
    fresh = issuing.rotate_signing_secret(user, key)
    assert issuing.signing_secret(now(key)) == fresh != first


# -- pause, resume ---------------------------------------------------------------------------------------------------


def test_pausing_and_resuming_twice_is_once(user):
    key = make(user).key
    for deed in (issuing.pause, issuing.pause, issuing.resume, issuing.resume):
        deed(user, key)
    assert deeds(key) == ["key.issued", "key.paused", "key.resumed"]
    assert now(key).paused_at is None


def test_what_a_manager_paused_only_managers_resume(user, admin):
    key = make(user).key
    assert issuing.pause(admin, key).paused_by == admin.name
    assert not issuing.may_resume(user, now(key))
    assert refused(issuing.resume, user, key) == "paused_by_another"
    assert issuing.resume(makers.an_actor(user.tenant, role=Role.OWNER), key).paused_by == ""
    assert issuing.resume(user, issuing.pause(user, key)).paused_at is None


# -- revoke ----------------------------------------------------------------------------------------------------------


def test_revoking_returns_what_is_free_to_where_it_came_from_once(user):
    key = make(user, "budgeted").key
    for _ in range(2):
        assert issuing.revoke(user, key).revoked_at
    assert figures(ledger.wallet_of(user.member)) == (100, 0, 100)
    assert deeds(key) == ["key.issued", "key.revoked"]
    assert trail.of(key.reference).last().facts == {"name": key.name, "returned": 30}


def test_what_a_job_gives_back_later_follows_to_the_origin(user):
    key = make(user, "budgeted").key
    hold = ledger.hold(key.wallet, credits=20, reference="job:1")
    issuing.revoke(user, key)
    assert figures(ledger.wallet_of(user.member)) == (80, 0, 80)
    ledger.release(hold)
    assert (figures(ledger.wallet_of(user.member)), figures(key.wallet)) == ((100, 0, 100), (0, 0, 0))


def test_where_the_origin_is_closed_the_house_gets_it(user, admin):
    key = make(user, "budgeted").key
    hold = ledger.hold(key.wallet, credits=20, reference="job:1")
    issuing.revoke(user, key)
    mine = ledger.wallet_of(user.member)
    ledger.close(mine, actor=admin.name)
    ledger.release(hold)
    assert (figures(mine), figures(key.wallet)) == ((0, 0, 0), (0, 0, 0))
    assert Transfer.objects.get(reference="return:job:1").entries.get(credits=20).wallet == ledger.house(user.tenant)
    ledger.reopen(mine, actor=admin.name)


def test_a_standalone_keys_rest_goes_to_the_house(admin):
    key = make(admin, "standalone").key
    issuing.revoke(admin, key)
    moved = Transfer.objects.filter(entries__wallet=key.wallet).order_by("pk")
    sides = [dict(transfer.entries.values_list("wallet__kind", "credits")) for transfer in moved]
    assert sides == [{"house": -30, "key": 30}, {"key": -30, "house": 30}]


def test_a_revoked_key_is_left_as_it_is(user):
    key = make(user, "budgeted").key
    issuing.revoke(user, key)
    for deed, fields in (
        (issuing.change, {"name": "x", "limits": Limits()}),
        (issuing.rotate, {"grace_s": 0}),
        (issuing.rotate_signing_secret, {}),
        (issuing.pause, {}),
        (issuing.resume, {}),
        (issuing.top_up, {"credits": 5, "token": "t"}),
    ):
        assert refused(deed, user, key, **fields) == "key_revoked"


# -- top up ----------------------------------------------------------------------------------------------------------


def test_a_user_fills_their_key_from_their_wallet_once_a_form(user):
    key = make(user, "budgeted").key
    first, again = (issuing.top_up(user, key, credits=50, token="t") for _ in range(2))
    assert first == again
    assert (figures(key.wallet), now(key).filled) == ((80, 0, 80), 80)
    assert figures(ledger.wallet_of(user.member)) == (20, 0, 20)
    assert deeds(key) == ["key.issued", "key.topped_up"]


def test_one_form_fills_one_amount(user):
    key = make(user, "budgeted").key
    issuing.top_up(user, key, credits=50, token="t")
    assert refused(issuing.top_up, user, key, credits=5, token="t") == "key_form_used"


def test_an_admin_fills_anothers_key_from_the_house_and_never_from_their_wallet(user, admin):
    key = make(user, "budgeted").key
    issuing.top_up(admin, key, credits=500, token="t")
    assert figures(ledger.wallet_of(user.member)) == (70, 0, 70)
    assert figures(key.wallet) == (530, 0, 530)


@pytest.mark.parametrize(
    ("credits", "code"),
    [(0, "credits_out_of_range"), (10**12 + 1, "credits_out_of_range"), (71, "not_enough_credits")],
)
def test_what_cannot_be_paid_fills_nothing(user, credits, code):
    key = make(user, "budgeted").key
    assert refused(issuing.top_up, user, key, credits=credits, token="t") == code
    assert (figures(key.wallet), now(key).filled) == ((30, 0, 30), 30)


def test_a_shared_key_has_nothing_to_fill(user):
    assert refused(issuing.top_up, user, make(user).key, credits=5, token="t") == "no_own_wallet"


def test_who_was_an_admin_loses_no_credits_of_their_own_to_the_house(admin):
    key = make(admin, "budgeted").key
    Member.objects.filter(pk=admin.member.pk).update(role=Role.USER)
    demoted = of(Member.objects.get(pk=admin.member.pk))
    ledger.grant(demoted.member, credits=10, reference="grant:1", actor="system")
    assert refused(issuing.top_up, demoted, key, credits=5, token="t") == "other_origin"


# -- who may ---------------------------------------------------------------------------------------------------------

ALL = (
    (issuing.change, {"name": "x", "limits": Limits()}),
    (issuing.rotate, {"grace_s": 0}),
    (issuing.rotate_signing_secret, {}),
    (issuing.pause, {}),
    (issuing.resume, {}),
    (issuing.top_up, {"credits": 5, "token": "t"}),
    (issuing.revoke, {}),
)
FOR_ITS_OWN = {issuing.rotate, issuing.rotate_signing_secret}


@pytest.mark.parametrize("who", ["a teammate", "a stranger", "the key itself", "a foreign admin"])
def test_nobody_else_does_anything_with_a_key(user, who):
    key = make(user, "budgeted").key
    actor = {
        "a teammate": lambda: makers.an_actor(user.tenant),
        "a stranger": makers.an_actor,
        "the key itself": lambda: checking.actor_of(key),
        "a foreign admin": lambda: makers.an_actor(role=Role.ADMIN),
    }[who]()
    for deed, fields in ALL:
        assert refused(deed, actor, key, **fields) == "not_allowed"
    assert deeds(key) == ["key.issued"]
    assert not issuing.may_manage(actor, key)
    assert not issuing.may_rotate(actor, key)


def test_an_admin_limits_and_ends_anothers_key_but_never_sees_a_secret_of_it(user, admin):
    key = make(user, "budgeted").key
    assert (issuing.may_manage(admin, key), issuing.may_rotate(admin, key)) == (True, False)
    for deed, fields in ALL:
        if deed in FOR_ITS_OWN:
            assert refused(deed, admin, key, **fields) == "not_allowed"
        else:
            deed(admin, key, **fields)


def test_a_standalone_key_is_for_everybody_who_manages_keys(user, admin):
    key = make(makers.an_actor(user.tenant, role=Role.OWNER), "standalone").key
    assert (issuing.may_manage(admin, key), issuing.may_rotate(admin, key)) == (True, True)
    assert issuing.rotate(admin, key, grace_s=0).secret
    assert (issuing.may_manage(user, key), issuing.may_rotate(user, key)) == (False, False)


@pytest.mark.parametrize("kind", KeyKind)
def test_no_secret_is_on_the_trail(admin, kind):
    issued = make(admin, kind)
    secrets = [issued.secret, issuing.rotate(admin, issued.key, grace_s=0).secret]
    secrets.append(issuing.rotate_signing_secret(admin, issued.key))
    written = str(list(TrailRow.objects.values()))
    assert not [secret for secret in secrets if secret in written]
