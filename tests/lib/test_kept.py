"""Kept statements answer as Django's own do, every time with other words, and in every thread."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import BigIntegerField, CharField, Count, F

from revidweb.accounts.models import Member, MemberState, Tenant
from revidweb.jobs.models import Batch
from revidweb.lib import kept
from revidweb.lib.kept import Word
from revidweb.trail.models import TrailRow
from tests.makers import a_member, a_tenant

pytestmark = pytest.mark.django_db
TENANT = Word("tenant", BigIntegerField())


@pytest.fixture(params=[True, False], ids=["planned once", "planned anew"])
def members(request) -> kept.Rows[Member]:
    """Those of a tenant in one state, each with its person, in their order."""
    rows = Member.objects.filter(tenant=TENANT, state=Word("state", CharField()))
    return kept.Rows(lambda: rows.select_related("person", "wallet").order_by("pk"), is_planned_once=request.param)


def test_rows_come_with_what_is_selected_along(members, django_assert_num_queries):
    one, other = a_member(), a_member()
    for member in (one, other):
        with django_assert_num_queries(1):
            (found,) = members.all(tenant=member.tenant_id, state=MemberState.ACTIVE)
            assert (found, found.person.email) == (member, member.person.email)
            assert getattr(found, "wallet", None) is None


def test_the_first_row_is_none_where_there_is_none(members):
    member = a_member()
    assert members.first(tenant=member.tenant_id, state=MemberState.ACTIVE) == member
    assert members.first(tenant=member.tenant_id, state=MemberState.REMOVED) is None


def test_a_statement_is_good_however_often_it_is_asked(members):
    """PostgreSQL keeps its plan after a few times, and forgets it when something is rolled back."""
    member = a_member()
    for _ in range(8):
        assert members.first(tenant=member.tenant_id, state="active") == member
    with pytest.raises(IntegrityError), transaction.atomic():
        kept.insert([Tenant(slug=member.tenant.slug)])
    assert members.first(tenant=member.tenant_id, state="active") == member


def test_a_word_stays_a_word(members):
    assert members.all(tenant=a_member().tenant_id, state="x' OR '1' = '1") == []


def test_rows_come_with_what_is_annotated():
    named = kept.Rows(
        lambda: Member.objects.filter(tenant=TENANT).only("public_id").annotate(called=F("person__email"))
    )
    member = a_member()
    (found,) = named.all(tenant=member.tenant_id)
    assert (found.public_id, found.called) == (member.public_id, member.person.email)


def test_rows_come_in_the_order_of_their_ids_however_many(django_assert_num_queries):
    by_ids = kept.ByIds(lambda: Member.objects.select_related("person"))
    members = [a_member() for _ in range(3)]
    ids = [members[2].pk, members[0].pk, members[1].pk]
    with django_assert_num_queries(1):
        found = by_ids.all([*ids, max(ids) + 1])
        assert [(one.pk, one.person_id == one.person.pk) for one in found] == [(pk, True) for pk in ids]
    with django_assert_num_queries(2):
        assert [one.pk for one in by_ids.all([*ids, *range(10_000, 10_048)])] == ids
    with django_assert_num_queries(0):
        assert by_ids.all([]) == []


def test_values_come_as_tuples():
    counted = kept.Values(
        lambda: Member.objects.filter(tenant=TENANT).order_by().values("state").annotate(n=Count("pk")).values_list("n")
    )
    tenant = a_tenant()
    assert counted.all(tenant=tenant.pk) == []
    for _ in range(3):
        a_member(tenant=tenant)
    assert counted.all(tenant=tenant.pk) == [(3,)]


def test_an_update_says_how_many_rows_it_changed():
    longer = kept.Update(
        lambda: (
            Batch.objects.filter(tenant=TENANT, count__lte=8 - Word("more", BigIntegerField())),
            {"count": F("count") + Word("more", BigIntegerField())},
        )
    )
    member = a_member()
    kept.insert([Batch(tenant=member.tenant, member=member, count=count) for count in (1, 6)])
    assert [longer.run(tenant=member.tenant_id, more=more) for more in (3, 3, 1)] == [1, 1, 2]
    assert list(Batch.objects.order_by("pk").values_list("count", flat=True)) == [8, 7]


def test_new_rows_are_as_django_would_write_them():
    """With their defaults, and their ids in the order of the rows."""
    rows = [TrailRow(tenant="t", actor="a", what="w", about=f"x:{n}", facts={"n": [n, None, "ä"]}) for n in range(3)]
    kept.insert(rows)
    assert list(TrailRow.objects.order_by("about")) == rows
    assert [(row.about, row.facts, row.at) for row in TrailRow.objects.order_by("about")] == [
        (row.about, row.facts, row.at) for row in rows
    ]


def test_no_rows_ask_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        kept.insert([])


def test_what_was_asked_stands_in_the_log_of_queries(members, django_assert_num_queries):
    member = a_member()
    with django_assert_num_queries(1) as asked:
        members.all(tenant=member.tenant_id, state="active")
    assert "accounts_member" in asked.captured_queries[0]["sql"]


@pytest.mark.django_db(transaction=True)
def test_every_thread_asks_at_its_own_connection(members):
    member = a_member()

    def ask(_turn: int) -> bool:
        try:
            return members.first(tenant=member.tenant_id, state="active") == member
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, range(16))) == [True] * 16
