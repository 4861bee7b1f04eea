"""Every address, asked by everybody, with ids that are somebody else's: nothing is shown, nothing is changed.

The addresses come from the URLconf itself. One that is not declared below fails the test: whoever adds a page says
here what a person without the right to it gets.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from revidweb.accounts import actors, invitations, members
from revidweb.accounts.models import Invitation, Member, MemberState, Role
from revidweb.catalog import founding
from revidweb.catalog.models import CatalogChange
from revidweb.credits import ledger
from revidweb.files import uploading
from revidweb.keys import issuing, leaving
from revidweb.lib import clock
from revidweb.notices.models import Notice
from revidweb.trail import trail
from tests import makers
from tests.connections.makers import an_account
from tests.files.makers import an_upload, encoded
from tests.library.makers import a_job, an_output
from tests.notices.makers import a_delivery
from tests.reports.makers import a_difference

from .world import changed, everything

pytestmark = pytest.mark.django_db

EVERYBODY = frozenset(Role.values)
MANAGERS = frozenset({Role.OWNER, Role.ADMIN})


@dataclass(frozen=True)
class Address:
    """What is behind a name of the URLconf.

    methods: what it answers at all, anything else is 405. may: the roles that are let in, others get 403. query: what
    an address may name beside its path, by the same words as the path; a row of somebody else is 404 there too.
    """

    methods: str = "GET"
    may: frozenset[str] = EVERYBODY
    query: dict[str, str] = field(default_factory=dict)


OUTSIDE = {  # open to people who are not signed in, or not of any tenant; their own tests say what they do
    "account_login account_logout account_signup account_inactive account_email account_email_verification_sent",
    "account_confirm_email account_change_password account_reset_password account_reset_password_done",
    "account_profile account_reauthenticate mfa_login_webauthn mfa_authenticate mfa_reauthenticate",
    "mfa_reauthenticate_webauthn mfa_index mfa_activate_totp mfa_deactivate_totp mfa_view_recovery_codes",
    "mfa_generate_recovery_codes mfa_list_webauthn mfa_add_webauthn mfa_edit_webauthn mfa_remove_webauthn",
    "usersessions_list session_end",
    "account_reset_password_from_key account_reset_password_from_key_done home theme healthz readyz styleguide",
    "account_signup_invited found openapi api_docs",
    "key_door key_leave key_accent key_logo key_dashboard",  # test_key_session.py, test_key_isolation.py
}
DOORS = {  # a tenant's, but for those outside; test_join.py, test_own_key.py
    *("join", "join_accent", "join_link", "join_logo"),
    *("own_key", "own_key_accent", "own_key_leave", "own_key_logo", "own_key_page"),
}
POST, BOTH = "POST", "GET POST"
TENANT: dict[str, Address] = {
    "accent": Address(),
    "connection": Address(BOTH, may=MANAGERS),
    "connection_adopt": Address(POST, may=MANAGERS),
    "connection_account": Address(BOTH, may=MANAGERS),
    "connection_add": Address(BOTH, may=MANAGERS),
    "connection_change": Address(POST, may=MANAGERS),
    "connection_changes": Address(POST, may=MANAGERS),
    "connection_key": Address(POST, may=MANAGERS),
    "connection_pause": Address(POST, may=MANAGERS),
    "connection_remove": Address(POST, may=MANAGERS),
    "connection_resume": Address(POST, may=MANAGERS),
    "connection_sync": Address(POST, may=MANAGERS),
    "connections": Address(may=MANAGERS),
    "create": Address(BOTH, query={"remix": "job_id", "input": "file_id"}),
    "create_options": Address(),
    "credits": Address(query={"of": "member_id"}),
    "credits_export": Address(query={"of": "member_id"}),
    "delivery": Address(),
    "delivery_resend": Address(POST),
    "gallery": Address(),  # a position that is not there means the beginning: results come and go
    "invitation_again": Address(POST, may=MANAGERS),
    "invitation_new": Address(BOTH, may=MANAGERS),
    "invitation_revoke": Address(POST, may=MANAGERS),
    "invitations": Address(may=MANAGERS),
    "job": Address(),
    "job_adopt": Address(POST),
    "job_cancel": Address(POST),
    "job_retry": Address(POST),
    "jobs": Address(query={"before": "job_id", "after": "job_id"}),
    "jobs_export": Address(),
    "key": Address(),
    "key_limits": Address(BOTH),
    "key_new": Address(BOTH),
    "key_pause": Address(POST),
    "key_resume": Address(POST),
    "key_revoke": Address(POST),
    "key_rotate": Address(POST),
    "key_top_up": Address(POST),
    "key_usage": Address(),
    "keys": Address(),
    "keys_export": Address(),
    "key_webhooks": Address(),
    "leave": Address(BOTH),
    "live": Address(),
    "logo": Address(),
    "media": Address(),
    "members_export": Address(may=MANAGERS),
    "member_grant": Address(BOTH, may=MANAGERS),
    "member_remove": Address(BOTH, may=MANAGERS),
    "member_restore": Address(POST, may=MANAGERS),
    "member_suspend": Address(POST, may=MANAGERS),
    "member_role": Address(POST, may=MANAGERS),
    "members": Address(may=MANAGERS),
    "models": Address(),
    "notice_read": Address(POST),
    "notices": Address(),
    "notices_read": Address(POST),
    "output": Address(),
    "output_delete": Address(POST),
    "output_favourite": Address(POST),
    "overview": Address(),
    "preview_switch": Address(POST, may=MANAGERS),
    "reconcile": Address(BOTH, may=MANAGERS, query={"run": "run_id"}),
    "reconcile_export": Address(may=MANAGERS, query={"run": "run_id"}),
    "reconcile_remedy": Address(POST, may=MANAGERS),
    "settings": Address(BOTH, may=MANAGERS),
    "settings_host": Address(POST, may=MANAGERS),
    "settings_host_withdraw": Address(POST, may=MANAGERS),
    "settings_own_keys": Address(POST, may=MANAGERS),
    "settings_join": Address(POST, may=MANAGERS),
    "settings_logo": Address(POST, may=MANAGERS),
    "settings_logo_remove": Address(POST, may=MANAGERS),
    "uploads": Address(POST),
    "usage": Address(),
    "usage_export": Address(),
    "webhook_secret": Address(POST),
    "webhook_test": Address(POST),
}
OTHERS = {"admin", "v1"}  # the operator's: test_admin.py; programs': tests/api/test_isolation.py
NO_ROWS = {"tenant_slug", "kind", "variant", "purpose", "endpoint"}  # words of a path that name no row
EVIL = {  # one form that would change something at every address that took it
    "prompt": "Taken over",
    "model": "image-4.0",
    "count": "1",
    "token": "evil" * 6,
    "role": "owner",
    "on": "yes",
    "accept": "yes",
    "base_url": "https://evil.example.com/v1",
    "key": "sk_live_evil_evil_evil_evil",
    "credits": "50",
    "note": "a gift",
    "favourite": "yes",
    "name": "Taken over",
    "time_zone": "Europe/Vienna",
    "accent": "#ff0000",
    "join_policy": "open",
    "host": "taken-over.example.com",
    "receiver": "https://evil.example.com/hooks",
    "rotate": "yes",
    "span": "7",
    "remedy": "note",
}
FORM = {"data": urlencode(EVIL), "content_type": "application/x-www-form-urlencoded"}


def walk(patterns: list[URLPattern | URLResolver], words: frozenset[str] = frozenset()) -> Iterator[tuple[str, set]]:
    """The name of every pattern, and the words that its path takes; some have tests of their own."""
    for pattern in patterns:
        taken = words | set(pattern.pattern.regex.groupindex)
        if getattr(pattern, "namespace", None) in OTHERS:
            continue
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, taken)
        else:
            yield str(pattern.name), taken


URLS = dict(walk(get_resolver().url_patterns))
OPEN = {name for line in OUTSIDE for name in line.split()} | DOORS


@dataclass(frozen=True)
class House:
    """A tenant at work. ids: by the words of paths, rows of its member Ann."""

    owner: Member
    admin: Member
    ann: Member
    ben: Member
    ids: dict[str, str]


def a_house(name: str) -> House:
    owner = founding.found(makers.a_person(), name=name)
    admin, ann, ben = (members.add(owner.tenant, makers.a_person(), role=role) for role in ("admin", "user", "user"))
    for number, member in enumerate((ann, ben)):
        ledger.grant(member, credits=500, reference=f"grant:{name}:{number}", actor="system")
    output = an_output(ann)
    job = a_job(ann, public_id=f"job_of_{name}", state="queued")
    picture = uploading.keep(actors.of(ann), an_upload(encoded()))
    ids = {"job_id": job.public_id, "output_id": output.public_id, "file_id": picture.public_id}
    account = an_account(owner.tenant)
    held = CatalogChange.objects.create(connection=account, what="held", model="kling-2.6", old=30, new=120)
    difference = a_difference(account)
    ids |= {"connection_id": account.public_id, "change_id": str(held.pk)}
    ids |= {"difference_id": str(difference.pk), "run_id": difference.reconciliation.public_id}
    key = issuing.issue(actors.of(ann), kind="shared", name="Ann's", token=f"key-{name}").key
    notice = Notice.objects.create(
        tenant=ann.tenant, member=ann, row=trail.of(key.reference)[0], mail_due_at=clock.after(3600)
    )
    ids |= {
        "key_id": key.public_id,
        "delivery_id": a_delivery("https://example.com/hooks", key).public_id,
        "notice_id": notice.public_id,
    }
    invitation, _token = invitations.invite(actors.of(owner), role=Role.USER)
    ids |= {
        "invitation_id": invitation.public_id,
        "member_id": ann.public_id,
        "tenant_slug": owner.tenant.slug,
        "kind": "image",
        "variant": "original",
        "purpose": "web",
        "endpoint": "me",
    }
    return House(owner, admin, ann, ben, ids)


@pytest.fixture
def ours() -> House:
    return a_house("ours")


@pytest.fixture
def theirs() -> House:
    return a_house("theirs")


@dataclass(frozen=True)
class Ask:
    """One address that somebody asks for, with ids. methods: where the query names the row, only GET reads it."""

    name: str
    path: str
    methods: str
    names_rows: bool

    @property
    def address(self) -> Address:
        return TENANT[self.name]

    def takes(self, method: str) -> bool:
        return method in self.methods.split()

    def concerns(self, role: str) -> bool:
        """Whether a member of this role, for whom the rows are somebody else's, is to be refused."""
        return self.names_rows or role not in self.address.may


def asks(ids: dict[str, str]) -> Iterator[Ask]:
    """Every address of a tenant with these ids: once in its path, and once with each of them in its query."""
    for name, address in TENANT.items():
        words = URLS[name]
        path = reverse(name, kwargs={word: ids[word] for word in words})
        yield Ask(name, path, address.methods, names_rows=bool(words - NO_ROWS))
        for word, row in address.query.items():
            yield Ask(name, f"{path}?{urlencode({word: ids[row]})}", "GET", names_rows=True)


def statuses(client: Client, ask: Ask) -> Iterator[tuple[str, HttpResponse]]:
    """What GET and POST of it bring, each as a page and as a part."""
    for headers in ({}, {"HX-Request": "true"}):
        for method in ask.methods.split():
            answer = client.generic(method, ask.path, **FORM if method == "POST" else {}, headers=headers)
            if answer.streaming:
                list(answer)  # to its end, else its file stays open
            yield method, answer


def wrong(
    client: Client, ids: dict[str, str], expected: Callable[[Ask, HttpResponse], bool], *, concerning: str = ""
) -> list[str]:
    """Every answer that is not the expected one, and every table that was written to meanwhile.

    concerning: of all addresses only those that refuse this role.
    """
    concerned = [ask for ask in asks(ids) if not concerning or ask.concerns(concerning)]
    assert len(concerned) > 10
    before = everything()
    found = [
        f"{method} {ask.path}: {answer.status_code}"
        for ask in concerned
        for method, answer in statuses(client, ask)
        if not expected(ask, answer)
    ]
    return found + [f"{name} was changed" for name in changed(before)]


def is_hidden(ask: Ask, answer: HttpResponse) -> bool:
    return answer.status_code == 404


def is_shut(ask: Ask, answer: HttpResponse) -> bool:
    """Refused in plain words, with whom to ask."""
    return answer.status_code == 403 and "You are suspended from ours." in answer.content.decode()


def leads_to_sign_in(ask: Ask, answer: HttpResponse) -> bool:
    target = answer.headers.get("HX-Redirect") or answer.headers.get("Location", "")
    return target.startswith("/accounts/login/?next=")


def is_refused(role: str) -> Callable[[Ask, HttpResponse], bool]:
    """403 for a missing right, 404 for somebody else's row; one's own pages are not what is asked here."""

    def expected(ask: Ask, answer: HttpResponse) -> bool:
        if role not in ask.address.may:
            return answer.status_code == 403
        return answer.status_code == 404 if ask.names_rows else True

    return expected


def test_every_address_is_declared():
    assert set(URLS) - OPEN - set(TENANT) == set()
    assert set(TENANT) - set(URLS) == set()
    assert {name for name, words in URLS.items() if "tenant_slug" in words} == set(TENANT) | DOORS


def test_every_address_takes_the_declared_methods_alone(ours):
    client = makers.a_client(ours.owner)
    for ask in asks(ours.ids):
        others = {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(ask.address.methods.split())
        found = {method: client.generic(method, ask.path).status_code for method in sorted(others)}
        assert set(found.values()) == {405}, (ask.path, found)


def test_nobody_goes_to_sign_in(ours, theirs):
    assert wrong(makers.a_client(), ours.ids, leads_to_sign_in) == []


def test_a_stranger_finds_nothing_of_a_tenant(ours, theirs):
    stranger = makers.a_client(makers.a_person())
    assert wrong(stranger, ours.ids, is_hidden) == []


def test_the_owner_of_another_tenant_finds_nothing_of_it(ours, theirs):
    assert wrong(makers.a_client(theirs.owner), ours.ids, is_hidden) == []


@pytest.mark.parametrize("role", Role.values)
def test_who_is_only_invited_finds_nothing_of_a_tenant(ours, theirs, role):
    guest = makers.a_person()
    expires_at = clock.after(3600)
    Invitation.objects.create(
        tenant=ours.owner.tenant, email=guest.email, role=role, token_hash="0" * 64, expires_at=expires_at
    )
    assert wrong(makers.a_client(guest), ours.ids, is_hidden) == []


@pytest.mark.parametrize("who", ["owner", "admin", "ann"])
def test_a_suspended_member_is_refused_everything_of_the_tenant(ours, theirs, who):
    client = makers.a_client(shut(ours, who, MemberState.SUSPENDED))
    assert wrong(client, ours.ids, is_shut) == []
    assert wrong(client, theirs.ids, is_hidden) == []


@pytest.mark.parametrize("who", ["owner", "admin", "ann"])
def test_a_removed_member_finds_nothing_of_a_tenant(ours, theirs, who):
    assert wrong(makers.a_client(shut(ours, who, MemberState.REMOVED)), ours.ids, is_hidden) == []


def shut(house: House, who: str, state: MemberState) -> Member:
    """The member, whom another owner suspended or removed."""
    member: Member = getattr(house, who)
    boss = actors.of(members.add(member.tenant, makers.a_person(name="Boss"), role=Role.OWNER))
    deed = members.suspend if state == MemberState.SUSPENDED else leaving.remove
    return deed(boss, member)


@pytest.mark.parametrize("who", ["owner", "admin", "ann"])
def test_another_tenants_rows_are_not_found_under_ones_own_address(ours, theirs, who):
    member: Member = getattr(ours, who)
    crossed = theirs.ids | {"tenant_slug": ours.ids["tenant_slug"]}
    assert wrong(makers.a_client(member), crossed, is_refused(member.role), concerning=member.role) == []


def test_a_user_finds_no_row_of_another_member_and_no_page_of_those_who_manage(ours, theirs):
    assert wrong(makers.a_client(ours.ben), ours.ids, is_refused(Role.USER), concerning=Role.USER) == []


def test_a_user_sees_no_other_member_in_lists(ours):
    client = makers.a_client(ours.ben)
    slug = ours.ids["tenant_slug"]
    for name in ("overview", "gallery", "jobs", "credits", "keys", "live"):
        page = client.get(reverse(name, args=[slug])).content.decode()
        assert [row for row in ours.ids.values() if "_" in row and row in page] == [], name


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_somebody_elses_picture_is_no_input(ours, theirs, whose):
    """Ann's picture for Ben, and a foreign one; also where the form names it and not the address."""
    file_id = {"ours": ours, "theirs": theirs}[whose].ids["file_id"]
    path = reverse("create", args=[ours.ids["tenant_slug"], "image"])
    order = EVIL | {"model": "nano-banana", "input_file": file_id}
    client = makers.a_client(ours.ben)
    before = everything()
    assert client.post(path, order).status_code == 422
    assert changed(before) == []


@pytest.mark.parametrize("who", ["ann", "admin", "owner"])
def test_what_is_hidden_from_others_is_there_for_those_who_may(ours, who):
    """Else a wrong id would prove nothing."""
    member: Member = getattr(ours, who)
    client = makers.a_client(member)
    shown = [ask for ask in asks(ours.ids) if ask.names_rows and ask.takes("GET") and member.role in ask.address.may]
    found = [
        (ask.path, answer.status_code) for ask in shown for method, answer in statuses(client, ask) if method == "GET"
    ]
    assert [one for one in found if one[1] != 200] == []
    assert len(found) > 12
