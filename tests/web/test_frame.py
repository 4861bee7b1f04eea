import re

import pytest
from django.test import RequestFactory

from revidweb.accounts import actors
from revidweb.accounts.models import Member, Role
from revidweb.notices import bell
from revidweb.web.context import Frame
from tests.makers import a_client, a_member, a_person, a_tenant, an_actor

pytestmark = pytest.mark.django_db


def frame_of(actor, path="/"):
    request = RequestFactory().get(path)
    request.user, request.actor, request.resolver_match = actor.member.person, actor, None
    return Frame(request)


def labels(links):
    return [str(link.page.label) for link in links]


def test_a_user_sees_the_pages_of_their_work_alone():
    frame = frame_of(an_actor(role=Role.USER))
    assert labels(frame.pages) == ["Overview", "Gallery", "Jobs", "Usage", "Credits", "Keys", "Models"]
    assert frame.tenant_pages == []


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_who_runs_the_tenant_sees_its_pages_too(role):
    assert labels(frame_of(an_actor(role=role)).tenant_pages) == ["Members", "Connections", "Settings"]


def test_every_page_of_the_rail_is_in_the_actors_tenant():
    actor = an_actor(role=Role.OWNER)
    frame = frame_of(actor)
    links = [frame.create, *frame.pages, *frame.tenant_pages]
    assert all(link.href.startswith(f"/t/{actor.tenant.slug}/") for link in links)


def test_the_frame_asks_at_most_three_questions(django_assert_max_num_queries):
    owner = a_member(role=Role.OWNER)
    found = bell.with_unread(Member.objects.select_related("tenant", "person"))
    frame = frame_of(actors.of(found.get(pk=owner.pk)))
    with django_assert_max_num_queries(3):
        for _again in range(2):
            assert (frame.running, frame.balance.credits, frame.unread, len(frame.memberships)) == (0, 0, 0, 1)


def test_the_frame_asks_nothing_until_it_is_shown(django_assert_num_queries):
    actor = an_actor(role=Role.OWNER)
    with django_assert_num_queries(0):
        frame = frame_of(actor)
        assert frame.theme == "system"
        assert frame.pages


def page_of(member):
    return a_client(member.person).get(f"/t/{member.tenant.slug}/members/").content.decode()


def test_the_current_page_is_marked_once_in_the_rail():
    rail = page_of(a_member(role=Role.OWNER)).partition('<div class="column">')[0]
    assert len(re.findall(r'aria-current="page"', rail)) == 1


def test_the_tenant_is_a_menu_only_for_who_has_several():
    person = a_person()
    first = a_member(person=person, role=Role.OWNER)
    assert "switch tenant" not in page_of(first)
    a_member(a_tenant(name="Aurora Films"), person=person)
    page = page_of(first)
    assert "switch tenant" in page
    assert "Aurora Films" in page


def test_the_accent_is_linked_with_its_version_only_where_there_is_one():
    member = a_member(a_tenant(accent="#c2410c"), role=Role.OWNER)
    assert re.search(rf'href="/t/{member.tenant.slug}/accent.css\?v=\w+"', page_of(member))
    assert "accent.css" not in page_of(a_member(role=Role.OWNER))


def test_the_house_says_who_pays():
    assert "paid by the house" in page_of(a_member(role=Role.OWNER))


def test_the_frame_serves_csrf_once_for_all_requests_of_the_page():
    assert page_of(a_member(role=Role.OWNER)).count("X-CSRFToken") == 1


def test_help_that_is_markup_stays_markup_and_typed_text_does_not():
    page = a_client(a_member().person).get("/accounts/password/change/").content.decode()
    assert '<a href="/accounts/password/reset/">' in page
    answer = a_client().post("/accounts/login/", {"login": '"><b>', "password": "x"}).content.decode()
    assert '"><b>' not in answer
    assert 'aria-invalid="true"' in answer
