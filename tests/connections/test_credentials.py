import pytest

from revidweb.connections import credentials
from revidweb.connections.models import Connection, Credential, account_of
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from tests.makers import a_tenant

from .makers import BASE_URL, a_key, an_account

pytestmark = pytest.mark.django_db

KEY = "sk_live_4f0zq8w2m1n7b5v3ab12"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://ai.revidapi.com/v1", "https://ai.revidapi.com/v1"),
        ("  https://AI.RevidAPI.com/v1/ ", "https://ai.revidapi.com/v1"),
        ("ai.revidapi.com/v1", "https://ai.revidapi.com/v1"),
        ("https://ai.revidapi.com:8443/V1//", "https://ai.revidapi.com:8443/V1"),
        ("http://127.0.0.1:9001/v1", "http://127.0.0.1:9001/v1"),
    ],
)
def test_an_address_is_kept_in_one_form(settings, typed, kept):
    settings.PRIVATE_HOSTS = frozenset({"127.0.0.1:9001"})
    assert credentials.clean_base_url(typed) == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "bad_address"),
        ("ftp://ai.revidapi.com", "bad_address"),
        ("https://user@ai.revidapi.com/v1", "bad_address"),
        ("https://ai.revidapi.com/v1?key=x", "bad_address"),
        ("https://ai.revidapi.com/v1?", "bad_address"),
        ("https://ai.revidapi.com/v1#top", "bad_address"),
        ("https://ai.revidapi.com/" + "x" * 300, "bad_address"),
        ("https://10.0.0.7/v1", "private_address"),
        ("http://127.0.0.1:9002/v1", "private_address"),
        ("localhost:8000", "private_address"),
        ("http://ai.revidapi.com/v1", "plain_http"),
    ],
)
def test_what_is_no_public_https_address_is_refused(typed, code):
    with pytest.raises(Refusal) as refused:
        credentials.clean_base_url(typed)
    assert (refused.value.code, refused.value.field) == (code, "base_url")


@pytest.mark.parametrize("typed", [KEY, f" {KEY}\n", f"Bearer {KEY}"])
def test_what_was_copied_along_with_a_key_is_left_out(typed):
    assert credentials.clean_key(typed) == KEY


@pytest.mark.parametrize(
    ("typed", "code"),
    [(" ", "key_needed"), ("a b", "bad_key"), ("schlüssel", "bad_key"), ("a\nb", "bad_key"), ("x" * 501, "bad_key")],
)
def test_what_no_header_can_carry_is_no_key(typed, code):
    with pytest.raises(Refusal) as refused:
        credentials.clean_key(typed)
    assert (refused.value.code, refused.value.field) == (code, "key")


@pytest.mark.parametrize(
    ("key", "shown"), [(KEY, "sk_live_…ab12"), ("0123456789abcdef0123", "…0123"), ("short", "…"), ("sk_abc", "sk_…")]
)
def test_a_hint_tells_little(key, shown):
    assert credentials.hint(key) == shown


def test_a_key_is_sealed_and_used_for_new_orders(connection):
    credential = credentials.keep(connection, base_url=BASE_URL, key=KEY)
    assert connection.credential == credential
    assert (connection.account.key, connection.account.base_url) == (KEY, BASE_URL)
    row = Credential.objects.filter(pk=credential.pk).values().get()
    assert KEY not in str(row)
    assert KEY not in repr(connection.account)


def test_the_one_before_retires_and_keeps_its_key():
    connection = an_account(key="sk_live_before_0123456789")
    before = connection.credential
    credentials.keep(connection, base_url=BASE_URL, key=KEY)
    before.refresh_from_db()
    assert before.retired_at is not None
    assert account_of(connection, before).key == "sk_live_before_0123456789"


def test_the_key_that_is_in_use_already_stays_and_trouble_is_over():
    connection = an_account(key=KEY)
    Connection.objects.update(trouble="invalid", trouble_since=clock.now(), failing_since=clock.now())
    assert credentials.keep(connection, base_url=BASE_URL, key=KEY) == connection.credential
    connection.refresh_from_db()
    assert (connection.trouble, connection.trouble_since, connection.failing_since) == ("", None, None)
    assert connection.credentials.count() == 1


def test_a_key_serves_one_connection_of_a_tenant():
    tenant = a_tenant()
    an_account(tenant, key=KEY)
    with pytest.raises(Refusal) as refused:
        an_account(tenant, key=KEY)
    assert (refused.value.code, refused.value.field) == ("connection_exists", "key")
    an_account(tenant, key=KEY, base_url="https://other.example.com/v1")
    an_account(key=KEY)  # of another tenant, who learns nothing of this one
    marks = Credential.objects.values_list("fingerprint", flat=True)
    assert len(set(marks)) == 3


def test_a_retired_key_may_be_used_again():
    connection = an_account(key=KEY)
    credentials.keep(connection, base_url=BASE_URL, key=a_key())
    assert credentials.keep(connection, base_url=BASE_URL, key=KEY).retired_at is None
    assert connection.credentials.count() == 3


def test_forgetting_wipes_every_key_and_frees_them(connection):
    tenant = connection.tenant
    credentials.keep(connection, base_url=BASE_URL, key=KEY)
    credentials.forget(connection)
    credentials.forget(connection)
    kept = connection.credentials.values_list("sealed", "fingerprint", "retired_at")
    assert all((sealed, mark) == ("", "") and retired for sealed, mark, retired in kept)
    connection.refresh_from_db()
    assert connection.account.key == ""
    an_account(tenant, key=KEY)


def test_a_removed_connection_takes_no_key(connection):
    Connection.objects.update(removed_at=clock.now())
    with pytest.raises(Refusal, match="connection_removed"):
        credentials.keep(connection, base_url=BASE_URL, key=KEY)
