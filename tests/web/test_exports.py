"""Keys, members and statements as files: what is on screen, on all pages, and no more than the page shows."""

import pytest
from django.urls import reverse

from revidweb.accounts import members
from revidweb.accounts.models import Person
from revidweb.credits import ledger
from revidweb.jobs import settle
from tests import makers
from tests.keys.makers import a_key
from tests.library.makers import an_output

from .exports import rows
from .jobs_pages import get, url
from .key_sessions import a_key_client

pytestmark = pytest.mark.django_db


def by_key(secret: str, query: str = "") -> list[dict[str, str]]:
    return rows(a_key_client(secret).get(reverse("credits_export", args=[""]) + query))


def test_keys_tell_their_limits_and_no_secret(owner):
    issued = a_key(owner.member, name="=Storefront", day=100)
    answer = get(owner, "keys_export")
    (row,) = rows(answer)
    assert (row["key"], row["name"], row["day_limit"]) == (issued.key.public_id, "'=Storefront", "100")
    assert row["member"] == owner.member.person.name
    assert issued.secret not in str(row)
    assert row["last4"] == issued.secret[-4:]


def test_keys_hold_to_the_page_s_filters_and_to_whose_they_are(owner, user):
    a_key(owner.member, name="Shop"), a_key(user.member, name="Laptop")
    assert [row["name"] for row in rows(get(owner, "keys_export", query="?search=shop"))] == ["Shop"]
    assert rows(get(owner, "keys_export", query="?state=revoked")) == []
    (row,) = rows(get(user, "keys_export"))
    assert row["name"] == "Laptop"
    assert "member" not in row


def test_members_tell_their_roles_and_wallets(owner, user):
    told = rows(get(owner, "members_export"))
    assert [(row["member"], row["role"], row["balance"], row["held"]) for row in told] == [
        (owner.member.public_id, "owner", "", ""),
        (user.member.public_id, "user", "100", "0"),
    ]


def test_removed_members_are_a_file_of_their_own(owner, user):
    members.remove(owner, user.member)
    assert [row["state"] for row in rows(get(owner, "members_export"))] == ["active"]
    assert [row["state"] for row in rows(get(owner, "members_export", query="?state=removed"))] == ["removed"]


def test_a_statement_keeps_the_true_balance_under_a_filter(user):
    an_output(user.member)
    captured, *_, granted = rows(get(user, "credits_export"))
    assert (granted["kind"], granted["credits"], granted["balance"]) == ("grant", "100", "100")
    assert captured["kind"] == "capture"
    assert captured["balance"] == str(ledger.wallet_of(user.member).balance)
    assert captured["job"].startswith("job_")
    assert rows(get(user, "credits_export", query="?kind=capture")) == [captured]


def test_the_house_s_statement_says_to_whom_and_by_whom(owner, user):
    ledger.grant(user.member, credits=5, reference="grant:1", actor=owner.name, note="-thanks")
    row = rows(get(owner, "credits_export", query="?of=house"))[0]
    assert (row["credits"], row["balance"], row["with"]) == ("-5", "-105", user.member.person.name)
    assert (row["by"], row["note"]) == (owner.member.person.name, "'-thanks")


def test_a_member_s_statement_is_for_those_who_see_all(owner, user):
    asked = f"?of={user.member.public_id}"
    assert [row["credits"] for row in rows(get(owner, "credits_export", query=asked))] == ["100"]
    assert get(user, "credits_export", query=f"?of={owner.member.public_id}").status_code == 404


def test_a_statement_of_many_says_whose_and_what_for(owner, user):
    output = an_output(user.member)
    captured, *_ = rows(get(owner, "credits_export"))
    assert (captured["wallet"], captured["model"]) == (user.member.person.name, output.job.media_model.name)
    assert captured["prompt"] == output.job.prompt
    assert captured["balance"] == str(ledger.wallet_of(user.member).balance)
    assert rows(get(owner, "credits_export", query="?kind=capture")) == [captured]


def test_what_moved_between_a_member_and_a_key_names_both(owner, user):
    a_key(user.member, kind="budgeted", credits=30, name="Shop")
    mine, key = user.member.person.name, "Shop"
    got, gave, *_, granted = rows(get(owner, "credits_export"))
    assert [(row["wallet"], row["with"], row["by"]) for row in (got, gave)] == [(key, mine, mine), (mine, key, mine)]
    assert (granted["wallet"], granted["with"]) == (mine, "")


def test_who_has_no_name_is_called_by_their_address(owner, user):
    Person.objects.filter(pk=user.member.person_id).update(name="")
    (row,) = rows(get(owner, "credits_export"))
    assert row["wallet"] == user.member.person.email


def test_what_is_given_back_says_for_which_job(owner, user):
    job = an_output(user.member).job
    settle.refund(job, actor=owner.name)
    back, captured, *_granted = rows(get(owner, "credits_export"))
    assert (back["kind"], back["credits"]) == ("refund", str(job.credits))
    for row in (back, captured):
        assert (row["job"], row["model"], row["prompt"]) == (job.public_id, job.media_model.name, job.prompt)
    assert (back["with"], back["by"]) == ("", owner.member.person.name)


def test_a_key_with_a_wallet_gets_its_lines_and_nobody_s_name(user):
    issued = a_key(user.member, kind="budgeted", credits=30)
    (row,) = by_key(issued.secret)
    assert (row["credits"], row["balance"]) == ("30", "30")
    assert not {"with", "by", "note"} & row.keys()


def test_a_shared_key_gets_what_its_jobs_cost(owner):
    issued = a_key(owner.member)
    assert by_key(issued.secret, "?from=2026-01-01") == []


@pytest.mark.parametrize("name", ["keys", "members", "credits"])
def test_each_page_offers_its_file(owner, user, name):
    a_key(owner.member)
    page = get(owner, name).content.decode()
    here = url(f"{name}_export", owner)
    assert f'href="{here}"' in page
    assert f'href="{here}?bom=1"' in page


def test_a_member_without_the_right_gets_no_members(user):
    assert makers.a_client(user.member).get(url("members_export", user)).status_code == 403


def test_one_reads_two_files_at_once_and_the_next_when_one_is_read(owner, user):
    first, _second = get(owner, "members_export"), get(owner, "keys_export")
    refused = get(owner, "credits_export")
    assert refused.status_code == 429
    assert "Other files are being read" in refused.content.decode()
    rows(get(user, "credits_export"))
    rows(first)
    rows(get(owner, "credits_export"))


def test_all_together_leave_most_threads_to_pages(owner, user, settings):
    settings.WEB_PROCESSES, settings.WEB_THREADS = 1, 8
    first = get(owner, "members_export")
    _second = get(owner, "keys_export")
    assert get(user, "credits_export").status_code == 429
    rows(first)
    rows(get(user, "credits_export"))
