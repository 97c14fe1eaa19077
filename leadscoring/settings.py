"""Every setting, grouped. Each value that may differ between places is read by `leadscoring.env`, which
refuses nonsense and names the variable, the value and what was expected. `docs/settings.md` lists the
variables."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from leadscoring.env import Environment
from leadscoring.logs import logging_config
from leadscoring.places import Places, celery_url, keep_secret_key

env = Environment()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where and how it runs ---------------------------------------------------------------------------
# One switch turns on what only makes sense behind HTTPS: redirects, HSTS, secure cookies, an explicit host
# list.
PRODUCTION = env.flag("LEADSCORING_PRODUCTION", False)
DEBUG = env.flag("LEADSCORING_DEBUG", False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured(
        "Environment variables LEADSCORING_PRODUCTION and LEADSCORING_DEBUG are both on; expected one."
    )
PLACES = Places(env.directory("VAR_DIR", BASE_DIR / "var"))
VAR_DIR = PLACES.root
PLACES.prepare()
SECRET_KEY = env.secret("SECRET_KEY", minimum_length=50) or keep_secret_key(PLACES.secret_key)
# What secrets in the database are sealed with, newest first; see `leadscoring.common.crypto`.
SECRETS_KEYS = env.secrets("SECRETS_KEY", minimum_length=32) or [keep_secret_key(PLACES.secrets_key)]
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"]
)
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
# How long `run` waits for work in hand before it kills.
LEADSCORING_STOP_SECONDS = env.integer("LEADSCORING_STOP_SECONDS", 20, minimum=1, maximum=600)

# --- Apps and middleware -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "axes",
    "csp",
    "leadscoring.common",
    "scoring",
    "monitoring",
    "crm_integration",
    "experiments",
    "leadscoring",
]
MIDDLEWARE = [
    # First, so that what the others refuse is counted too.
    "monitoring.api.middleware.CountCalls",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "leadscoring.urls"
WSGI_APPLICATION = "leadscoring.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False

# --- Database and cache ------------------------------------------------------------------------------
DATABASES = {
    "default": env.database(
        "DATABASE_URL",
        sqlite_default=PLACES.database,
        # At most this many connections in each web process, shared by its threads; 0 keeps one per thread.
        # Workers fork, and a pool does not survive a fork: they keep one connection each.
        pool_size=env.integer("DATABASE_POOL", 10, minimum=0, maximum=200)
        if env.flag("LEADSCORING_WEB", False)
        else 0,
    )
}
# Held in each process: nothing that must be shared or survive is kept in a cache.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- Broker and Celery (`leadscoring/celery.py` holds what may not be changed) -----------------------
# Without REDIS_URL the broker is the Valkey that `manage.py run` starts on a Unix socket.
REDIS_URL = env.url("REDIS_URL", PLACES.broker_url, schemes=("redis", "rediss", "unix"))
# What every key in Redis starts with; "" is the installation's own name (`leadscoring.common.installation`).
REDIS_PREFIX = env.label("REDIS_PREFIX", maximum_length=60)
EMBEDDED_BROKER = PLACES.broker_url == REDIS_URL
CELERY_BROKER_URL = celery_url(REDIS_URL)
CELERY_TASK_ALWAYS_EAGER = env.flag("CELERY_TASK_ALWAYS_EAGER", False)
CELERY_TASK_EAGER_PROPAGATES = False
CELERY_WORKER_CONCURRENCY = env.integer("CELERY_CONCURRENCY", 2, minimum=1, maximum=64)

# --- MLflow: a store for metadata and files, never on the request path -------------------------------
MLFLOW_TRACKING_URI = env.url(
    "MLFLOW_TRACKING_URI",
    f"sqlite:///{PLACES.mlflow_database}",
    schemes=("sqlite", "http", "https", "file", "postgresql", "databricks"),
)
MLFLOW_ARTIFACT_ROOT = str(PLACES.mlflow_artifacts)
MLFLOW_EXPERIMENT = env.text("MLFLOW_EXPERIMENT", "leadscoring")
# The client's own defaults are seven retries of 120 s: one call to a dead server would last minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# Its lines go where all others go.
os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

# --- Users and sign-in -------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    # Last: it gives no permission, and notes the ones that nobody gave.
    "leadscoring.refusals.NotedRefusals",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_HTTP_RESPONSE_CODE = 429
AXES_LOCKOUT_CALLABLE = "leadscoring.refusals.locked_out"

# --- Transport and browser security ------------------------------------------------------------------
SECURE_SSL_REDIRECT = PRODUCTION
# Probes and Prometheus come from inside, past the proxy that speaks HTTPS.
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics/?$"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("TRUST_X_FORWARDED_PROTO", False) else None
)
SESSION_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "leadscoring.refusals.csrf_failure"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # The admin's Alpine.js compiles its attributes at run time; no inline script is allowed.
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- Size limits -------------------------------------------------------------------------------------
# A larger API body is refused with a problem document before it is read.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
FILE_UPLOAD_HANDLERS = [
    "leadscoring.common.uploads.SizeLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
# The largest file a person may upload in the admin.
IMPORT_MAX_BYTES = env.integer("IMPORT_MAX_BYTES", 268_435_456, minimum=1024, maximum=10**11)

# --- REST interface (edited with scoring/api) --------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["scoring.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "EXCEPTION_HANDLER": "scoring.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "leadscoring",
    "VERSION": "1",
    "DESCRIPTION": "Score leads with reasons, report what became of them, and read what is known.",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v[0-9]+",
    "TAGS": [{"name": "Scoring"}, {"name": "Outcomes"}, {"name": "Leads"}, {"name": "Model"}],
    "ENUM_NAME_OVERRIDES": {
        "GradeEnum": "scoring.contracts.Grade",
        "OutcomeEnum": "scoring.contracts.OutcomeKind",
    },
    "PREPROCESSING_HOOKS": ["scoring.api.schema.drop_slash_variants"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "scoring.api.schema.close_requests",
    ],
}

# --- Admin -------------------------------------------------------------------------------------------
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "leadscoring",
    "SITE_HEADER": "leadscoring",
    "SITE_SYMBOL": "leaderboard",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "leadscoring.dashboard.dashboard",
    "STYLES": [lambda request: static("scoring/admin.css")],
    # Blue: buttons and links keep enough contrast with white text and on both backgrounds.
    "COLORS": {
        "primary": {
            "50": "#eff6fc",
            "100": "#dbeaf8",
            "200": "#bcd8f2",
            "300": "#8ec0ea",
            "400": "#5ba3df",
            "500": "#4a9be0",
            "600": "#0f62ac",
            "700": "#0c4f8b",
            "800": "#0d4373",
            "900": "#0f3960",
            "950": "#0a2440",
        },
    },
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("scoring/icon.svg")}
    ],
    "SIDEBAR": {"show_search": False, "navigation": "leadscoring.admin_site.navigation"},
}

# --- Health and metrics ------------------------------------------------------------------------------
# With a token, /metrics answers whoever sends it as a bearer token; without one, only callers on this
# machine.
METRICS_TOKEN = env.secret("METRICS_TOKEN", minimum_length=16)

# --- Language, time, static files --------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = PLACES.static
STATICFILES_DIRS = [path for path in [BASE_DIR / "static"] if path.is_dir()]
MEDIA_ROOT = PLACES.media
MEDIA_URL = ""
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_TEMP_DIR = None

# --- Mail and other ways out -------------------------------------------------------------------------
# Without EMAIL_URL each mail is a file under VAR_DIR/outbox.
EMAIL_SERVER = env.mail("EMAIL_URL")
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend" if EMAIL_SERVER else "leadscoring.common.outbox.MailFiles"
)
if EMAIL_SERVER:
    EMAIL_HOST = EMAIL_SERVER.host
    EMAIL_PORT = EMAIL_SERVER.port
    EMAIL_HOST_USER = EMAIL_SERVER.user
    EMAIL_HOST_PASSWORD = EMAIL_SERVER.password
    EMAIL_USE_SSL = EMAIL_SERVER.security == "ssl"
    EMAIL_USE_TLS = EMAIL_SERVER.security == "starttls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.address("EMAIL_FROM", "leadscoring@localhost")
# Where people reach the admin; links in messages start with it. Without it messages hold the path only.
PUBLIC_URL = env.url("PUBLIC_URL", schemes=("https", "http")).rstrip("/")
# Hosts inside the own network that may be called: host or host:port. Empty: public addresses only.
OUTBOUND_ALLOW = env.words("OUTBOUND_ALLOW")

# --- Logging -----------------------------------------------------------------------------------------
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", allowed=("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.choice("LOG_FORMAT", "json" if PRODUCTION else "text", allowed=("json", "text"))
LOGGING = logging_config(LOG_LEVEL, LOG_FORMAT)
