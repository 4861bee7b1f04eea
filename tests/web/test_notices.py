"""The bell, the page behind it, and marking as read."""

import pytest
from django.urls import reverse

from revidweb.accounts.actors import Actor
from revidweb.notices import telling
from revidweb.notices.models import Notice
from revidweb.trail import trail
from tests import makers
from tests.connections.makers import an_account
from tests.keys.makers import a_key
from tests.makers import a_client

from .jobs_pages import text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_memory(monkeypatch):
    monkeypatch.setattr(telling, "_noted", type(telling._noted)([(float("-inf"), 0)]))


def a_notice(actor: Actor, **facts: object) -> Notice:
    key = a_key(actor.member, name="Shop").key
    facts = {"limit": "month", "used": 800, "most": 1000, "period": "2026-11-01"} | facts
    row = trail.record("key.limit_near", about=key.reference, tenant=actor.tenant.public_id, **facts)
    telling.tick()
    return Notice.objects.get(row=row)


def page(actor: Actor, query: str = ""):
    return a_client(actor.member).get(reverse("notices", args=[actor.tenant.slug]) + query)


def post(actor: Actor, name: str, *args: str, **data: str):
    return a_client(actor.member).post(reverse(name, args=[actor.tenant.slug, *args]), data)


def test_before_the_first_notice_it_says_what_will_stand_there(user):
    assert "Nothing to tell" in text(page(user))
    assert 'aria-label="Notices"' in page(user).content.decode()


def test_the_bell_counts_what_is_unread_on_every_page(user):
    for _ in range(2):
        a_notice(user)
    html = a_client(user.member).get(reverse("jobs", args=[user.tenant.slug])).content.decode()
    assert 'aria-label="2 unread notices"' in html
    assert f'href="{reverse("notices", args=[user.tenant.slug])}"' in html


def test_each_notice_says_what_happened_and_leads_there(user):
    notice = a_notice(user)
    shown = page(user)
    assert "“Shop” has used 80 % of its limit for this month" in text(shown)
    assert "800 of 1,000 credits are used." in text(shown)
    key_id = notice.row.about.removeprefix("key:")
    assert f'href="{reverse("key", args=[user.tenant.slug, key_id])}"' in shown.content.decode()


def test_the_newest_stands_first(owner):
    a_notice(owner)
    account = an_account(owner.tenant, name="Studio")
    trail.record("connection.unreachable", about=account.reference, tenant=owner.tenant.public_id, reason="timed out")
    telling.tick()
    words = text(page(owner))
    assert words.index("Studio is not reached") < words.index("“Shop” has used")


def test_following_one_marks_it_as_read(user):
    notice, other = a_notice(user), a_notice(user)
    assert post(user, "notice_read", notice.public_id).status_code == 204
    at = Notice.objects.get(pk=notice.pk).read_at
    assert at
    post(user, "notice_read", notice.public_id)
    assert Notice.objects.get(pk=notice.pk).read_at == at
    assert list(Notice.objects.unread()) == [other]


def test_one_is_marked_by_hand_without_scripts(user):
    notice = a_notice(user)
    answer = post(user, "notice_read", notice.public_id, page="yes")
    assert answer.url == reverse("notices", args=[user.tenant.slug])
    assert not Notice.objects.unread().exists()


def test_all_are_marked_that_the_page_has_shown(user):
    seen = [a_notice(user), a_notice(user)]
    later = a_notice(user)
    post(user, "notices_read", newest=seen[1].public_id)
    assert list(Notice.objects.unread()) == [later]
    assert "You have read all" not in text(page(user))
    post(user, "notices_read", newest=later.public_id)
    assert "You have read all of them." in text(page(user))


def test_marking_takes_no_foreign_notice_for_its_measure(user, owner):
    mine, theirs = a_notice(user), a_notice(owner)
    assert post(user, "notices_read", newest=theirs.public_id).status_code == 404
    assert post(user, "notices_read").status_code == 404
    assert post(user, "notice_read", theirs.public_id).status_code == 404
    assert set(Notice.objects.unread()) == {mine, theirs}


def test_an_owner_sees_their_own_alone(user, owner):
    a_notice(user)
    assert "Nothing to tell" in text(page(owner))


def test_many_come_in_pages(user, monkeypatch):
    monkeypatch.setattr("revidweb.web.views.notices._PER_PAGE", 2)
    for _ in range(3):
        a_notice(user)
    assert "1–2 of 3" in text(page(user))
    assert "3–3 of 3" in text(page(user, "?page=2"))


def test_what_people_wrote_is_only_text(user):
    key = a_key(user.member, name="<script>alert(1)</script>").key
    facts = {"limit": "day", "used": 1, "most": 1, "period": "2026-11-20"}
    trail.record("key.limit_reached", about=key.reference, tenant=user.tenant.public_id, **facts)
    telling.tick()
    assert "<script>alert" not in page(user).content.decode()


def test_the_page_takes_few_queries(user, django_assert_max_num_queries):
    for _ in range(10):
        a_notice(user)
    client = a_client(user.member)
    with django_assert_max_num_queries(12):
        client.get(reverse("notices", args=[user.tenant.slug]))


def test_the_bell_rings_with_what_else_is_renewed(user, owner):
    makers.a_member(owner.tenant)
    a_notice(user)
    answer = a_client(user.member).get(reverse("live", args=[user.tenant.slug]) + "?at=frame&v=")
    assert 'id="bell" hx-swap-oob="true"' in answer.content.decode()
    assert "1 unread notice" in answer.content.decode()
