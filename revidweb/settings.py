"""Settings, read from the environment (`.env.example` lists every one with unit and default)."""

from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from . import env, logs

BASE_DIR = env.BASE_DIR

# -- where and how it runs -------------------------------------------------------------------------------------------

MODE = env.choice("REVIDWEB_MODE", "embedded", ("embedded", "production"))
IS_EMBEDDED = MODE == "embedded"
VAR_DIR = env.folder("REVIDWEB_VAR", "var")
PORT = env.whole("PORT", 8000, least=1, most=65535)
HOST = env.text("HOST", "127.0.0.1")
PUBLIC_URL = env.text("PUBLIC_URL", f"http://localhost:{PORT}").rstrip("/")
DEBUG = env.flag("DEBUG", default=False)
_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"] if IS_EMBEDDED else []
MAIN_HOSTS = [*env.words("ALLOWED_HOSTS", ",".join(_LOOPBACK)), *_LOOPBACK, env.host_of("PUBLIC_URL", PUBLIC_URL)]
ALLOWED_HOSTS = ["*"]  # tenants bring hosts of their own: `revidweb.web.hosts` judges them all
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

WEB_PROCESSES = env.whole("WEB_PROCESSES", 2, least=1, most=64)
WEB_THREADS = env.whole("WEB_THREADS", 8, least=1, most=64)
WORKER_THREADS = env.whole("WORKER_THREADS", 16, least=2, most=256)
RENDER_PROCESSES = env.whole("RENDER_PROCESSES", 2, least=1, most=64)

env.make_folders(VAR_DIR, "media", "mail", "tmp")
if IS_EMBEDDED:
    SECRET_KEY = env.secret("SECRET_KEY", kept_in=VAR_DIR / "secrets" / "secret_key")
    # New ones in front: the first seals, all of them open.
    SEALING_KEYS = env.words("SEALING_KEYS") or [env.secret("", kept_in=VAR_DIR / "secrets" / "sealing_key")]
else:
    SECRET_KEY = env.text("SECRET_KEY")
    SEALING_KEYS = env.words("SEALING_KEYS")
    for name in ("SECRET_KEY", "SEALING_KEYS", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS"):
        if not env.text(name):
            raise ImproperlyConfigured(f"{name} must be set when REVIDWEB_MODE is production.")

# -- apps ------------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "revidweb",
    "revidweb.trail",
    "revidweb.accounts",
    "revidweb.credits",
    "revidweb.connections",
    "revidweb.keys",
    "revidweb.catalog",
    "revidweb.files",
    "revidweb.jobs",
    "revidweb.library",
    "revidweb.stats",
    "revidweb.reports",
    "revidweb.notices",
    "revidweb.api",
    "revidweb.web",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "template_partials",
    "lucide",
    "csp",
    "revidweb.operating.OperatorConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
]

MIDDLEWARE = [
    "revidweb.web.hosts.KnownHosts",
    "revidweb.web.middleware.request_context",
    "revidweb.api.front.programs",
    "revidweb.web.middleware.compress_pages",
    "revidweb.web.middleware.keep_nothing",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "revidweb.web.middleware.printable_cookies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "revidweb.web.sessions.keep_to_host",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "revidweb.web.sessions.note_sessions",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "revidweb.urls"
MEDIA_URLCONF = "revidweb.media_urls"  # of tenants' media hosts
WSGI_APPLICATION = "revidweb.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "revidweb.web.context.frame",
            ],
            "builtins": ["template_partials.templatetags.partials", "revidweb.web.templatetags.house"],
        },
    },
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {"environment": "revidweb.web.jinja.environment"},
    },
]

# -- data ------------------------------------------------------------------------------------------------------------

SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 30,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;"
        "PRAGMA mmap_size=134217728; PRAGMA cache_size=-16384;"
    ),
}


def _database() -> dict[str, Any]:
    """The database of `DATABASE_URL`; embedded without one, SQLite in the data folder."""
    config: dict[str, Any] = environ.Env.db_url_config(
        env.text("DATABASE_URL") or f"sqlite:///{VAR_DIR / 'revidweb.sqlite3'}"
    )
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = dict(SQLITE_OPTIONS)
        # Threads of a test share one database only when it is a file.
        config["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
    else:
        config["CONN_MAX_AGE"] = env.whole("DATABASE_KEEP_S", 60, least=0, most=3600)
        config["CONN_HEALTH_CHECKS"] = True
        config["ENGINE"] = "revidweb.lib.postgresql"
        prepares = env.flag("DATABASE_PREPARE", default=True)
        config["OPTIONS"] = {**config.get("OPTIONS", {}), "prepare_threshold": 5 if prepares else None}
    return config


DATABASES = {"default": _database()}
CACHES: dict[str, dict[str, Any]]
if IS_EMBEDDED:
    # The cache has a file of its own, so that a rate limit never waits for a job's transaction.
    DATABASES["cache"] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR_DIR / "cache.sqlite3",
        "OPTIONS": dict(SQLITE_OPTIONS),
        "TEST": {"NAME": str(VAR_DIR / "test-cache.sqlite3")},
    }
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "cache",
            "OPTIONS": {"MAX_ENTRIES": 100_000},  # with the default of 300, guessing at many addresses drops the limits
        }
    }
    DATABASE_ROUTERS = ["revidweb.routers.CacheRouter"]
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": env.text("REDIS_URL")}}

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR_DIR / "media", "file_permissions_mode": 0o600},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_KEEP_ONLY_HASHED_FILES = False
TMP_DIR = VAR_DIR / "tmp"

# -- people ----------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SIGNUP = env.choice("REVIDWEB_SIGNUP", "open" if IS_EMBEDDED else "invite", ("open", "invite", "closed"))
INVITATION_DAYS = env.whole("INVITATION_DAYS", 7, least=1, most=365)
ACCOUNT_ADAPTER = "revidweb.web.account.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "revidweb.web.forms.signup.SignupForm"
# Mandatory also keeps sign-up from telling which addresses are taken; embedded, nobody reads var/mail first.
ACCOUNT_EMAIL_VERIFICATION = "optional" if IS_EMBEDDED else "mandatory"
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a changed password or address is told to the person
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = None  # a box on the sign-in page asks
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
# Beside allauth's own: who tries keys at their door, or keys of their own, and who reads with such a key.
ACCOUNT_RATE_LIMITS = {"key": "20/m/ip,200/h/ip", "own_key": "10/m/ip,60/h/ip", "own_key_page": "60/m/ip"}
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # before addresses or second factors change
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300  # seconds
PASSWORD_RESET_TIMEOUT = 7200  # seconds that a link in a mail is good
ACCOUNT_FORMS = {
    "login": "revidweb.web.forms.account.LoginForm",
    "reauthenticate": "revidweb.web.forms.account.ReauthenticateForm",
    "change_password": "revidweb.web.forms.account.ChangePasswordForm",
    "reset_password": "revidweb.web.forms.account.ResetPasswordForm",
    "reset_password_from_key": "revidweb.web.forms.account.ResetPasswordKeyForm",
    "add_email": "revidweb.web.forms.account.AddEmailForm",
}
MFA_ADAPTER = "revidweb.web.mfa.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1  # codes before and after, each good for 30 s: clocks differ, and people type
MFA_RECOVERY_CODES_SHOW_ONCE = True
# Where mail is confirmed at all, it is before the first sign-in; a further, unconfirmed address harms nobody.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "authenticate": "revidweb.web.forms.mfa.AuthenticateForm",
    "reauthenticate": "revidweb.web.forms.mfa.ReauthenticateForm",
    "activate_totp": "revidweb.web.forms.mfa.ActivateTotpForm",
    "add_webauthn": "revidweb.web.forms.mfa.AddPasskeyForm",
    "edit_webauthn": "revidweb.web.forms.mfa.RenamePasskeyForm",
    "authenticate_webauthn": "revidweb.web.forms.mfa.AuthenticatePasskeyForm",
    "login_webauthn": "revidweb.web.forms.mfa.LoginPasskeyForm",
    "reauthenticate_webauthn": "revidweb.web.forms.mfa.ReauthenticatePasskeyForm",
}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"

EMAIL_TIMEOUT = 10  # seconds; who invites or resets a password waits for the mail server
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("EMAIL_FROM", "revidweb@localhost")
if env.text("EMAIL_URL"):
    vars().update(environ.Env.email_url_config(env.text("EMAIL_URL")))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = VAR_DIR / "mail"

# -- safety ----------------------------------------------------------------------------------------------------------

_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _HTTPS
BEHIND_PROXY = env.flag("BEHIND_PROXY", default=False)
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0  # rate limits count people, not the proxy
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]  # asked from inside, past the TLS proxy
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_SERIALIZER = "revidweb.web.sessions.SealedJson"
if _HTTPS:  # no other host of the same domain, and no page without TLS, can put a cookie of its own in their place
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
CSRF_FAILURE_VIEW = "revidweb.web.views.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FILES = 4  # no form takes more than one; each may be as large as UPLOAD_MAX_MB
FILE_UPLOAD_HANDLERS = [
    "revidweb.files.receiving.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_TEMP_DIR = str(TMP_DIR)
# host:port pairs, the only private addresses that may ever be dialled
PRIVATE_HOSTS = frozenset(env.words("PRIVATE_HOSTS"))

# -- words and time --------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
USE_I18N = True
FORMAT_MODULE_PATH = ["revidweb.formats"]
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True
DEFAULT_TIME_ZONE = env.text("REVIDWEB_TIME_ZONE", "UTC")

# -- the work --------------------------------------------------------------------------------------------------------

PROMPT_MAX_CHARS = env.whole("PROMPT_MAX_CHARS", 5000, least=100, most=50_000)
UPLOAD_MAX_BYTES = env.whole("UPLOAD_MAX_MB", 25, least=1, most=1000) * 1_048_576
IMAGE_MAX_SIDE_PX = env.whole("IMAGE_MAX_SIDE_PX", 8192, least=512, most=16_384)
RESULT_MAX_BYTES = env.whole("RESULT_MAX_MB", 500, least=10, most=10_000) * 1_048_576
FETCH_TIMEOUT_S = env.seconds("FETCH_TIMEOUT_S", 30, least=1, most=300)

TICK_S = env.seconds("TICK_S", 1, least=0.1, most=60)
LEASE_S = env.seconds("LEASE_S", 120, least=1, most=3600)
SEND_LEASE_S = env.seconds("SEND_LEASE_S", 300, least=1, most=3600)
JOB_DEADLINE_S = env.seconds("JOB_DEADLINE_S", 3600, least=10, most=86_400)
STORE_DEADLINE_S = env.seconds("STORE_DEADLINE_S", 86_400, least=10, most=604_800)
UNROUTED_S = env.seconds("UNROUTED_S", 600, least=1, most=86_400)
UNKNOWN_S = env.whole("UNKNOWN_DAYS", 3, least=1, most=30) * 86_400
GHOST_SLOT_S = env.seconds("GHOST_SLOT_S", 900, least=1, most=86_400)
MISS_WAIT_S = env.seconds("MISS_WAIT_S", 60, least=1, most=3600)
UNKNOWN_LOOK_S = env.seconds("UNKNOWN_LOOK_S", 60, least=1, most=3600)
LATE_LOOK_S = env.seconds("LATE_LOOK_S", 300, least=1, most=86_400)
ACCOUNT_RETRY_S = env.seconds("ACCOUNT_RETRY_S", 60, least=1, most=3600)
ACCOUNT_CHECK_S = env.seconds("ACCOUNT_CHECK_S", 300, least=5, most=86_400)
CATALOG_SYNC_S = env.seconds("CATALOG_SYNC_H", 24, least=1, most=720) * 3600
UPLOAD_REUSE_S = env.seconds("UPLOAD_REUSE_H", 24, least=0, most=8760) * 3600
REVIDAPI_PER_MINUTE = env.whole("REVIDAPI_PER_MINUTE", 600, least=60, most=100_000)
REVIDAPI_TIMEOUT_S = env.seconds("REVIDAPI_TIMEOUT_S", 30, least=1, most=300)
REVIDAPI_LOOK_TIMEOUT_S = min(REVIDAPI_TIMEOUT_S, 10)  # a round of looks waits for the slowest
REVIDAPI_CREATE_TIMEOUT_S = env.seconds("REVIDAPI_CREATE_TIMEOUT_S", 120, least=1, most=600)
REVIDAPI_LOOK_S = env.seconds("REVIDAPI_LOOK_S", 3, least=0.2, most=300)
MIRROR_FRESH_S = env.seconds("MIRROR_FRESH_S", 60, least=1, most=3600)
REVIDAPI_PRESIGN_BYTES = env.whole("REVIDAPI_PRESIGN_MB", 8, least=0, most=1000) * 1_048_576

# -- programs ---------------------------------------------------------------------------------------------------------

TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
MEDIA_LINK_S = env.seconds("MEDIA_LINK_H", 24, least=0.01, most=720) * 3600
IDEMPOTENCY_S = env.seconds("IDEMPOTENCY_H", 24, least=0.01, most=720) * 3600
UPLOAD_WAIT_S = env.seconds("UPLOAD_WAIT_H", 24, least=0.01, most=720) * 3600
KEYS_PER_MEMBER = env.whole("KEYS_PER_MEMBER", 100, least=1, most=100_000)
UPLOADS_PER_HOUR = env.whole("UPLOADS_PER_HOUR", 500, least=1, most=1_000_000)
UPLOAD_DISK_BYTES = env.whole("UPLOAD_DISK_MB", 10_240, least=1, most=100_000_000) * 1_048_576
WEBHOOK_TIMEOUT_S = env.seconds("WEBHOOK_TIMEOUT_S", 10, least=1, most=60)
WEBHOOK_RETRY_S = env.seconds("WEBHOOK_RETRY_S", 10, least=0.1, most=3600)
WEBHOOK_TRIES = env.whole("WEBHOOK_TRIES", 10, least=1, most=50)

PREVIEW_IMAGE_S = env.seconds("PREVIEW_IMAGE_S", 2, least=0, most=600)
PREVIEW_VIDEO_S = env.seconds("PREVIEW_VIDEO_S", 4, least=0, most=600)
PREVIEW_SLOW_S = env.seconds("PREVIEW_SLOW_S", 30, least=0, most=3600)
PREVIEW_SLOTS = env.whole("PREVIEW_SLOTS", 8, least=1, most=1000)
PREVIEW_ENABLED = env.flag("PREVIEW_ENABLED", default=IS_EMBEDDED)
DEMO_HISTORY = env.flag("DEMO_HISTORY", default=True)

# -- celery ----------------------------------------------------------------------------------------------------------

SPOOL_DIR = VAR_DIR / "broker"
if IS_EMBEDDED and not env.text("REDIS_URL"):
    CELERY_BROKER_URL = "spool://localhost"
    CELERY_BROKER_TRANSPORT = "revidweb.lib.spool:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"folder": str(SPOOL_DIR), "polling_interval": 0.1}
else:
    CELERY_BROKER_URL = env.text("REDIS_URL")
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 3600,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
    }
CELERY_IMPORTS = (
    "revidweb.jobs.dispatch",
    "revidweb.jobs.poll",
    "revidweb.jobs.find",
    "revidweb.jobs.store",
    "revidweb.jobs.late",
    "revidweb.jobs.sweep",
    "revidweb.jobs.contact",
    "revidweb.accounts.sessions",
    "revidweb.catalog.sync",
    "revidweb.files.uploading",
    "revidweb.keys.watching",
    "revidweb.credits.checkpoints",
    "revidweb.stats.counting",
    "revidweb.reports.reconcile",
    "revidweb.reports.nightly",
    "revidweb.notices.telling",
    "revidweb.notices.mailing",
    "revidweb.notices.webhooks",
)
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # keeps no file: a tick that was missed is not made up for
CELERY_TASK_DEFAULT_QUEUE = "dispatch"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ROUTES = {
    "revidweb.jobs.poll.*": {"queue": "poll"},
    "revidweb.jobs.find.*": {"queue": "poll"},
    "revidweb.jobs.late.*": {"queue": "poll"},
    "revidweb.jobs.sweep.*": {"queue": "poll"},
    "revidweb.jobs.contact.*": {"queue": "poll"},
    "revidweb.accounts.sessions.*": {"queue": "poll"},
    "revidweb.catalog.sync.*": {"queue": "poll"},
    "revidweb.files.uploading.tick": {"queue": "poll"},
    "revidweb.credits.checkpoints.*": {"queue": "poll"},
    "revidweb.keys.watching.*": {"queue": "poll"},
    "revidweb.stats.*": {"queue": "poll"},
    "revidweb.reports.*": {"queue": "poll"},
    "revidweb.notices.*": {"queue": "poll"},
    "revidweb.jobs.store.*": {"queue": "store"},
}
CELERY_TIMEZONE = "UTC"
CELERY_DB_REUSE_MAX = 1000
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_TIMER_PRECISION = 0.2  # seconds; also how long a stop waits for the timer
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

# -- logs ------------------------------------------------------------------------------------------------------------

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.choice("LOG_FORMAT", "text" if IS_EMBEDDED else "json", ("text", "json"))
LOGGING_CONFIG = None
logs.configure(level=LOG_LEVEL, as_json=LOG_FORMAT == "json")
