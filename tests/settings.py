"""The product's settings, with what only tests need. Every test process has a data folder of its own."""

import atexit
import os
import shutil
import tempfile

_HERE = tempfile.mkdtemp(prefix="revidweb-test-")
_OWNER = os.getpid()


@atexit.register
def _clean_up() -> None:
    if os.getpid() == _OWNER:
        shutil.rmtree(_HERE, ignore_errors=True)


os.environ["REVIDWEB_READ_DOTENV"] = "no"
os.environ["REVIDWEB_VAR"] = _HERE
os.environ.setdefault("LOG_LEVEL", "ERROR")

from revidweb.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MAIN_HOSTS = [*MAIN_HOSTS, "testserver"]  # noqa: F405
STATIC_ROOT = VAR_DIR / "static"  # noqa: F405
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = True
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}  # emptied after each test
DATABASES.pop("cache", None)  # noqa: F405
DATABASE_ROUTERS = []
