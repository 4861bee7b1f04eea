import pytest

from revidweb.accounts.models import Role
from revidweb.web import accent
from tests.makers import a_client, a_member, a_tenant

pytestmark = pytest.mark.django_db

COLOURS = ["#ffcc00", "#2f62d6", "#000000", "#ffffff", "#ff0000", "#00ff88", "#7f7f7f", "#0000ff", "#f0e9ff"]


def choose(theme, *, client=None, **more):
    return (client or a_client()).post("/theme/", {"theme": theme, "next": "/accounts/login/"} | more)


@pytest.mark.parametrize("theme", ["system", "light", "dark"])
def test_the_chosen_theme_stands_in_the_next_pages_first_tag(theme):
    client = a_client()
    answer = choose(theme, client=client)
    assert (answer.status_code, answer.url) == (302, "/accounts/login/")
    assert f'data-theme="{theme}"' in client.get("/accounts/login/").content.decode()


def test_without_a_choice_the_system_decides():
    assert 'data-theme="system"' in a_client().get("/accounts/login/").content.decode()


def test_nonsense_in_the_cookie_is_the_systems_theme():
    client = a_client()
    client.cookies["theme"] = 'dark"><script>'
    assert 'data-theme="system"' in client.get("/accounts/login/").content.decode()


def test_an_unknown_theme_is_refused_and_not_remembered():
    answer = choose("sepia")
    assert answer.status_code == 400
    assert "theme" not in answer.cookies


@pytest.mark.parametrize("outside", ["https://evil.example/", "//evil.example/", ""])
def test_choosing_a_theme_never_leads_outside(outside):
    assert choose("dark", next=outside).url == "/"


def test_a_theme_is_only_chosen_by_a_form():
    assert a_client().get("/theme/").status_code == 405


@pytest.mark.parametrize("colour", COLOURS)
def test_text_on_the_accent_and_text_in_it_stay_readable(colour):
    light, dark = accent.corrected(colour)
    assert accent.contrast(light, "#ffffff") >= accent.AA
    assert accent.contrast(dark, "#0a0e18") >= accent.AA
    assert accent.contrast(light, "#f7f9fb") >= accent.AA
    assert accent.contrast(dark, "#23262b") >= accent.AA


def test_a_readable_accent_stays_as_it_is():
    assert accent.corrected("#1d4ed8")[0] == "#1d4ed8"
    assert accent.corrected("#ffcc00")[1] == "#ffcc00"


@pytest.mark.parametrize("grey", ["#000000", "#808080", "#ffffff"])
def test_a_grey_accent_never_looks_switched_off(grey):
    light, dark = accent.corrected(grey)
    assert accent.contrast(light, "#ffffff") >= 10
    assert accent.contrast(dark, "#0a0e18") >= 10


def test_contrast_is_that_of_the_standard():
    assert accent.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert accent.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def accent_of(tenant, member=None, **headers):
    member = member or a_member(tenant)
    return a_client(member.person).get(f"/t/{tenant.slug}/accent.css", headers=headers)


def test_a_tenants_accent_is_one_property_and_kept_by_the_browser():
    tenant = a_tenant(accent="#c2410c")
    answer = accent_of(tenant)
    assert answer["Content-Type"].startswith("text/css")
    assert answer.content.decode().count("--") == 1
    assert "immutable" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    assert accent_of(tenant, **{"If-None-Match": answer["ETag"]}).status_code == 304


def test_without_an_accent_the_stylesheet_is_empty():
    assert accent_of(a_tenant(accent="")).content == b""


def test_a_stranger_finds_no_accent():
    assert accent_of(a_tenant(accent="#c2410c"), a_member(role=Role.OWNER)).status_code == 404
