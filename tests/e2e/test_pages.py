"""Every page, at three widths and in both themes: nothing that axe finds or a console says, nothing that jumps."""

import pytest

pytestmark = pytest.mark.browser

WIDTHS = (1440, 1024, 390)
MOST_BYTES = 100 * 1024

MEMBER = {
    "overview": "{tenant}/",
    "create image": "{tenant}/create/image/",
    "create video": "{tenant}/create/video/",
    "remix": "{tenant}/create/video/?remix={clip_job}",
    "gallery": "{tenant}/gallery/",
    "gallery, nothing found": "{tenant}/gallery/?search=nothing-like-this",
    "picture": "{picture}",
    "clip": "{clip}",
    "jobs": "{tenant}/jobs/",
    "jobs, none": "{tenant}/jobs/?state=cancelled",
    "job": "{job}",
    "failed job": "{failed}",
    "usage": "{tenant}/usage/",
    "usage by key today": "{tenant}/usage/?range=today&by=key&show=jobs",
    "credits": "{tenant}/credits/",
    "keys": "{tenant}/keys/",
    "new key": "{tenant}/keys/new/",
    "key": "{key}",
    "limits of a key": "{key}limits/",
    "webhooks of a key": "{key}webhooks/",
    "notices": "{tenant}/notices/",
    "models": "{tenant}/models/",
    "profile": "/accounts/",
    "e-mail addresses": "/accounts/email/",
    "password": "/accounts/password/change/",
    "two-factor": "/accounts/two-factor/",
    "passkeys": "/accounts/passkeys/",
    "sessions": "/accounts/sessions/",
    "is it you": "/accounts/again/?next=/accounts/two-factor/app/",
    "sign out": "/accounts/logout/",
    "not there": "{tenant}/no-such-page/",
    "not allowed": "{tenant}/members/",
}
OWNER = {
    "overview": "{tenant}/",
    "create": "{tenant}/create/image/",
    "gallery": "{tenant}/gallery/",
    "jobs": "{tenant}/jobs/",
    "job": "{job}",
    "usage": "{tenant}/usage/",
    "success rate of a year": "{tenant}/usage/?range=365d&by=member&show=success&server=default",
    "credits": "{tenant}/credits/",
    "credits of the house": "{tenant}/credits/?of=house",
    "credits, none of these": "{tenant}/credits/?job=job_none",
    "keys": "{tenant}/keys/",
    "keys, none revoked": "{tenant}/keys/?state=revoked",
    "new key": "{tenant}/keys/new/",
    "key of a member": "{key}",
    "members": "{tenant}/members/",
    "removed members": "{tenant}/members/?state=removed",
    "leave": "{tenant}/leave/",
    "invitations": "{tenant}/members/invitations/",
    "invite": "{tenant}/members/invitations/new/",
    "found a tenant": "/tenants/new/",
    "connections, none yet": "{tenant}/connections/",
    "settings": "{tenant}/settings/",
    "styleguide": "/styleguide/",
    "operator": "/operator/",
    "operator: tenants": "/operator/accounts/tenant/",
    "operator: hosts": "/operator/accounts/host/",
    "operator: persons": "/operator/accounts/person/",
    "operator: invite": "/operator/accounts/invitation/add/",
    "operator: jobs": "/operator/jobs/job/",
    "operator: trail": "/operator/trail/trailrow/",
}
STUDIO = {
    "connections": "{studio}/connections/",
    "connection": "{well}",
    "connection in trouble": "{troubled}",
    "reconcile, not yet": "{troubled}reconcile/",
    "reconcile": "{well}reconcile/",
    "reconcile, what agreed": "{well}reconcile/?sort=matched",
    "account there": "{well}account/me/",
    "account there: limits": "{well}account/limits/",
    "account there: jobs": "{well}account/jobs/",
    "account there: usage": "{well}account/stats/",
    "account there: credits": "{well}account/credits/",
    "account there: models": "{well}account/models/",
    "account there: users": "{well}account/users/",
    "account there: revenue": "{well}account/revenue/",
    "account there, refused": "{troubled}account/me/",
    "connect": "{studio}/connections/add/",
    "create with a connection": "{studio}/create/image/",
    "models of a connection": "{studio}/models/",
}
KEY = {
    "create": "/key/create/image/",
    "create video": "/key/create/video/",
    "gallery": "/key/gallery/",
    "gallery, nothing found": "/key/gallery/?search=nothing-like-this",
    "picture": "{key_picture}",
    "jobs": "/key/jobs/",
    "job": "{key_job}",
    "usage": "/key/usage/",
    "credits": "/key/credits/",
    "not there": "/key/no-such-page/",
}
GUEST = {
    "own key: account": "{studio}/key/me/",
    "own key: usage": "{studio}/key/stats/",
    "own key: for owners": "{studio}/key/revenue/",
}
NOBODY = {
    "door for own keys": "{studio}/key/",
    "sign in with a key": "/key/",
    "sign in": "/accounts/login/",
    "sign up": "/accounts/signup/",
    "reset": "/accounts/password/reset/",
    "reset sent": "/accounts/password/reset/done/",
    "bad reset link": "/accounts/password/reset/key/1-abc/",
    "confirm": "/accounts/confirm-email/",
    "the API": "/v1/docs",
}
WHO = {"member": MEMBER, "owner": OWNER, "studio": STUDIO, "key": KEY, "guest": GUEST, "": NOBODY}
PAGES = [(who, name) for who, pages in WHO.items() for name in pages]


def address(places: dict[str, str], who: str, name: str) -> str:
    return WHO[who][name].format(**places, clip_job=places["job"].rstrip("/").rsplit("/", 1)[-1])


@pytest.mark.parametrize(("who", "name"), PAGES, ids=[f"{who or 'nobody'}: {name}" for who, name in PAGES])
def test_a_page_is_sound(kept_window, places, who, name):
    path = address(places, who, name)
    wrong: list[str] = []
    for width in WIDTHS:
        seen = kept_window(who, width=width)
        seen.go(path)
        found = [f"moved: {shift}" for shift in seen.shifts()]
        found += ["wider than the window"] * seen.is_wider_than_its_window()
        found += [f"{seen.weight_bytes():,} bytes before media"] * (seen.weight_bytes() > MOST_BYTES)
        found += [f"axe: {one}" for one in seen.barriers()]
        seen.darken()
        found += [f"axe in the dark: {one}" for one in seen.barriers(of_colours=True)]
        found += [f"console: {one}" for one in seen.said if not is_expected(one, name)]
        wrong += [f"{width}: {one}" for one in found]
        seen.leave()
    assert wrong == []


def is_expected(said: str, name: str) -> bool:
    """Chromium itself reports a page that is answered with 403 or 404."""
    return name in ("not there", "not allowed") and "the server responded with a status of 40" in said
