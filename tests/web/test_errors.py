import pytest
import structlog
from django.test import Client, RequestFactory

from revidweb.accounts.models import Role
from revidweb.web.views import errors
from tests.makers import a_client, a_member

pytestmark = pytest.mark.django_db


def test_what_is_not_there_says_so_in_the_house_style():
    answer = a_client().get("/nothing/here/")
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in page
    assert "css/tokens.css" in page


def test_a_missing_right_is_refused_inside_the_frame():
    member = a_member(role=Role.USER)
    answer = a_client(member.person).get(f"/t/{member.tenant.slug}/members/")
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "Not allowed" in page
    assert 'class="rail"' in page


def test_a_form_from_elsewhere_is_refused():
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/theme/", {"theme": "dark"})
    assert answer.status_code == 403
    assert "The form is no longer good" in answer.content.decode()


def test_our_own_fault_is_told_without_asking_the_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = errors.server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "Something broke" in answer.content.decode()


def test_what_cannot_be_read_is_a_400():
    answer = errors.bad_request(RequestFactory().get("/"))
    assert answer.status_code == 400
    assert "Not understood" in answer.content.decode()


def test_our_own_fault_names_the_request():
    with structlog.contextvars.bound_contextvars(request_id="req_abc"):
        assert "req_abc" in errors.server_error(RequestFactory().get("/")).content.decode()
