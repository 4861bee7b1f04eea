"""What the cookies are called and where they go."""

import json

from .test_settings import run

READ = """
import json
from revidweb import settings
names = ["SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"]
print(json.dumps({name: getattr(settings, name, None) for name in [*names, "SESSION_COOKIE_HTTPONLY"]}))
"""


def cookies(folder, url):
    return json.loads(run(folder, READ, PUBLIC_URL=url).stdout)


def test_under_tls_no_other_host_can_set_them(tmp_path):
    assert cookies(tmp_path, "https://studio.example.com") == {
        "SESSION_COOKIE_NAME": "__Host-sessionid",
        "CSRF_COOKIE_NAME": "__Host-csrftoken",
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
    }


def test_without_tls_browsers_would_not_keep_such_names(tmp_path):
    told = cookies(tmp_path, "http://localhost:8000")
    assert (told["SESSION_COOKIE_NAME"], told["SESSION_COOKIE_SECURE"]) == (None, False)
    assert told["SESSION_COOKIE_HTTPONLY"]
