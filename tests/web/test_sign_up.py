import pytest
from django.core import mail

from revidweb.accounts import invitations
from revidweb.accounts.models import Member, Person, Role, Tenant
from revidweb.catalog import founding
from revidweb.web.forms.signup import SignupForm
from tests.makers import a_client, a_member, a_person, an_actor

pytestmark = pytest.mark.django_db

ADA = {"name": "Ada Lovelace", "email": "ada@example.test", "password1": "correct horse battery"}


def sign_up(client=None, **changes):
    return (client or a_client()).post("/accounts/signup/", ADA | changes)


def wrong(answer):
    return {field: list(errors) for field, errors in answer.context["form"].errors.items()}


def test_a_person_signs_up_and_owns_a_tenant_of_one():
    client = a_client()
    answer = sign_up(client)
    assert (answer.status_code, answer.url) == (302, "/")
    member = Member.objects.get()
    assert (member.role, member.tenant.name, member.tenant.slug) == (Role.OWNER, "Ada Lovelace", "ada-lovelace")
    assert (member.person.email, member.person.name) == ("ada@example.test", "Ada Lovelace")
    assert member.person.check_password(ADA["password1"])
    assert client.session["_auth_user_id"] == str(member.person.pk)


def test_only_a_fresh_form_begins_at_the_name():
    assert "autofocus" in a_client().get("/accounts/signup/").content.decode()
    refused = sign_up(password1="short").content.decode()
    assert "autofocus" not in refused
    assert refused.count('aria-invalid="true"') == 1


def test_a_new_person_can_go_back_to_the_page_that_was_asked_for():
    assert sign_up(next="/t/aurora/").url == "/t/aurora/"


def test_the_address_is_kept_in_small_letters():
    sign_up(email="ADA@Example.Test")
    assert Person.objects.get().email == "ada@example.test"


def test_the_new_address_is_asked_to_confirm_itself():
    sign_up()
    assert mail.outbox[0].to == ["ada@example.test"]
    assert "/accounts/confirm-email/" in mail.outbox[0].body


def test_a_tenant_that_cannot_be_founded_leaves_no_person(monkeypatch):
    def burns_down(person, *, name):
        assert person.pk
        raise RuntimeError("burnt down")

    monkeypatch.setattr(founding, "found", burns_down)
    with pytest.raises(RuntimeError, match="burnt down"):
        sign_up()
    assert not Person.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", " ", "Tell us your name."),
        ("name", "a" * 81, "Ensure this value has at most 80 characters (it has 81)."),
        ("email", "", "This field is required."),
        ("email", "ada", "Enter a valid email address."),
        ("password1", "", "This field is required."),
        ("password1", "short", "This password is too short. It must contain at least 10 characters."),
        ("password1", "password123", "This password is too common."),
        ("password1", "ada@example.test", "The password is too similar to the e-mail address."),
    ],
)
def test_nonsense_is_refused_at_its_field_and_writes_nothing(field, value, sentence):
    answer = sign_up(**{field: value})
    assert sentence in wrong(answer)[field]
    assert not Person.objects.exists()
    assert not Tenant.objects.exists()
    assert not mail.outbox


def test_a_name_of_markup_is_only_a_name():
    sign_up(name="<script>alert(1)</script>")
    tenant = Tenant.objects.get()
    assert tenant.name == "<script>alert(1)</script>"
    assert tenant.slug.startswith("scriptalert1script")


def test_an_address_signs_up_once():
    sign_up()
    answer = sign_up(email="ADA@example.test")
    assert wrong(answer) == {"email": ["There is an account with this address already."]}
    assert Person.objects.count() == Tenant.objects.count() == 1


def test_an_address_that_only_the_operator_knows_is_taken_too():
    a_person(email="ada@example.test")
    assert "email" in wrong(sign_up())


def test_a_taken_address_is_not_told_where_addresses_must_be_confirmed(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    a_person(email="ada@example.test")
    fresh, taken = sign_up(email="grace@example.test"), sign_up()
    assert (fresh.status_code, fresh.url) == (taken.status_code, taken.url) == (302, "/accounts/confirm-email/")
    assert Person.objects.count() == 2
    assert [message.to for message in mail.outbox] == [["grace@example.test"], ["ada@example.test"]]
    assert "already" in mail.outbox[1].body


def test_sign_ups_from_one_place_end():
    codes = [sign_up(email="").status_code for _time in range(21)]
    assert codes == [200] * 20 + [429]


def test_somebody_signed_in_passes_the_sign_up_page_by():
    assert a_client(a_member()).get("/accounts/signup/").url == "/"


def test_the_form_asks_for_name_address_and_password():
    fields = a_client().get("/accounts/signup/").context["form"].fields
    assert set(fields) == {"name", "email", "password1"}


@pytest.fixture
def overtaken(monkeypatch):
    """Another sign-up with the same address comes between the look at the form and its saving."""
    signup = SignupForm.signup

    def late(form, request, person):
        a_person(email=person.email)
        signup(form, request, person)

    monkeypatch.setattr(SignupForm, "signup", late)


def test_of_two_sign_ups_at_once_the_second_is_told_that_the_address_is_taken(overtaken):
    answer = sign_up()
    assert "already" in wrong(answer)["email"][0]
    assert Person.objects.count() == 1
    assert not Tenant.objects.exists()


def test_of_two_sign_ups_at_once_the_second_is_told_nothing_where_addresses_must_be_confirmed(overtaken, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    assert sign_up().url == "/accounts/confirm-email/"
    assert Person.objects.count() == 1
    assert "already" in mail.outbox[0].body


# -- who may found a tenant


def a_founders_link(email="ada@example.test"):
    _invitation, token = invitations.invite_founder(email)
    return f"/accounts/signup/{token}/"


@pytest.mark.parametrize("signup", ["invite", "closed"])
def test_without_an_invitation_there_is_a_sentence_instead_of_a_form(settings, signup):
    settings.SIGNUP = signup
    page = a_client().get("/accounts/signup/")
    assert page.status_code == 200
    assert "By invitation only" in page.content.decode()
    assert 'name="password1"' not in page.content.decode()
    assert sign_up().status_code == 200
    assert not Person.objects.exists()
    assert not mail.outbox


@pytest.mark.parametrize(("signup", "is_offered"), [("open", True), ("invite", False), ("closed", False)])
def test_sign_in_offers_an_account_only_where_one_can_be_made(settings, signup, is_offered):
    settings.SIGNUP = signup
    assert ("Create an account" in a_client().get("/accounts/login/").content.decode()) == is_offered


def test_the_operators_invitation_founds_one_tenant_and_proves_the_address(settings):
    settings.SIGNUP, settings.ACCOUNT_EMAIL_VERIFICATION = "invite", "mandatory"
    link, client = a_founders_link(), a_client()
    answer = client.get(link)
    assert (answer.status_code, answer.url) == (302, "/accounts/signup/")
    assert client.get(answer.url).context["form"]["email"].value() == "ada@example.test"
    assert sign_up(client, email="eve@evil.test").url == "/"
    member = Member.objects.get()
    assert (member.role, member.person.email) == (Role.OWNER, "ada@example.test")
    assert member.person.emailaddress_set.get().verified
    assert not mail.outbox
    other = a_client()
    other.get(link)
    assert "By invitation only" in sign_up(other, email="eve@evil.test").content.decode()
    assert Person.objects.count() == 1


def test_the_operators_invitation_founds_nothing_while_sign_up_is_closed(settings):
    settings.SIGNUP = "closed"
    client = a_client()
    client.get(a_founders_link())
    assert "By invitation only" in sign_up(client).content.decode()
    assert not Person.objects.exists()


def test_where_everybody_may_sign_up_nobody_is_bound_to_an_address():
    client = a_client()
    client.get(a_founders_link())
    assert sign_up(client, email="grace@example.test").url == "/"
    assert Person.objects.get().email == "grace@example.test"


@pytest.mark.parametrize("signup", ["open", "invite"])
def test_a_tenants_link_founds_nothing(settings, signup):
    settings.SIGNUP = signup
    _invitation, token = invitations.invite(an_actor(role=Role.OWNER), role=Role.OWNER)
    client = a_client()
    client.get(f"/accounts/signup/{token}/")
    assert (sign_up(client).status_code == 302) == (signup == "open")
    assert Member.objects.filter(person__email=ADA["email"]).count() == (signup == "open")


def test_an_address_that_was_given_in_the_query_is_no_proof(settings):
    settings.SIGNUP = "invite"
    assert "By invitation only" in a_client().get("/accounts/signup/?email=ada@example.test").content.decode()
