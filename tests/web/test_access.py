import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.test import RequestFactory

from revidweb.accounts.actors import Right
from revidweb.accounts.models import Role
from revidweb.web import access
from tests.makers import a_member, an_actor

pytestmark = pytest.mark.django_db


def ask(person, slug, *, right=None, method="get", **headers):
    """Call a guarded view that answers the actor's name."""
    view = access.actor_may(right)(lambda request: HttpResponse(request.actor.name))
    request = getattr(RequestFactory(), method)(f"/t/{slug}/things/?page=2", headers=headers)
    request.user = person
    return view(request, tenant_slug=slug)


def acting(member):
    request = RequestFactory().get("/")
    request.actor = access.actors.of(member)
    return request


def test_a_member_comes_in_as_actor_with_one_query(django_assert_num_queries):
    member = a_member()
    with django_assert_num_queries(1):
        answer = ask(member.person, member.tenant.slug)
    assert answer.content.decode() == member.reference


def test_a_stranger_finds_nothing():
    with pytest.raises(Http404):
        ask(a_member().person, a_member().tenant.slug)


def test_a_member_without_the_right_is_refused():
    member = a_member(role=Role.USER)
    with pytest.raises(PermissionDenied):
        ask(member.person, member.tenant.slug, right=Right.GRANT)


def test_a_member_with_the_right_comes_in():
    member = a_member(role=Role.ADMIN)
    assert ask(member.person, member.tenant.slug, right=Right.GRANT).status_code == 200


def test_the_same_person_has_each_tenants_own_rights():
    owner = a_member(role=Role.OWNER)
    guest = a_member(person=owner.person)
    assert ask(owner.person, owner.tenant.slug, right=Right.GRANT).status_code == 200
    with pytest.raises(PermissionDenied):
        ask(owner.person, guest.tenant.slug, right=Right.GRANT)


@pytest.mark.parametrize("exists", [True, False])
def test_nobody_goes_to_sign_in_and_back_for_any_tenant(exists, django_assert_num_queries):
    slug = a_member().tenant.slug if exists else "no-such-tenant"
    with django_assert_num_queries(0):
        answer = ask(AnonymousUser(), slug)
    assert (answer.status_code, answer.url) == (302, f"/accounts/login/?next=/t/{slug}/things/%3Fpage%3D2")


def test_nobody_who_asked_for_a_part_leaves_with_the_whole_page():
    page = "http://testserver/t/aurora/jobs/?kind=video"
    answer = ask(AnonymousUser(), "aurora", **{"HX-Request": "true", "HX-Current-URL": page})
    assert answer.status_code == 200
    assert answer["HX-Redirect"] == "/accounts/login/?next=/t/aurora/jobs/%3Fkind%3Dvideo"


def test_nobody_who_sent_a_form_comes_back_to_the_page_around_it():
    answer = ask(AnonymousUser(), "aurora", method="post", referer="http://testserver/t/aurora/members/")
    assert answer.url == "/accounts/login/?next=/t/aurora/members/"


def test_the_way_back_never_leads_outside():
    answer = ask(AnonymousUser(), "aurora", method="post", referer="https://evil.example/t/aurora/")
    assert answer.url == "/accounts/login/?next=/"


def test_a_member_row_is_there_for_managers_and_for_oneself():
    admin = an_actor(role=Role.ADMIN)
    user = a_member(admin.tenant)
    assert access.member(acting(admin.member), user.public_id) == user
    assert access.member(acting(user), user.public_id) == user


@pytest.mark.parametrize("role", Role.values)
def test_strangers_rows_are_not_there(role):
    request = acting(a_member(role=role))
    stranger = a_member()
    for fetch in (access.member, access.job, access.output, access.file):
        with pytest.raises(Http404):
            fetch(request, stranger.public_id)


def test_a_user_does_not_find_another_member():
    user = a_member()
    with pytest.raises(Http404):
        access.member(acting(user), a_member(user.tenant).public_id)
