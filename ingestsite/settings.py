"""Django's settings; configuration.py reads the environment."""

from datetime import timedelta
from typing import Any

from ingestsite import configuration, logs

# Settings of Django and ingest that keep their name from configuration.py.
from ingestsite.configuration import (  # noqa: F401
    ALLOWED_HOSTS,
    BODY_SECONDS,
    DRAIN_SECONDS,
    EXTRACT_SECONDS,
    HOLD_SECONDS,
    KEEP_CONTENT_DAYS,
    KEEP_POSTS_DAYS,
    LABELS,
    MAX_BODY_BYTES,
    MAX_LINES,
    MAX_POSTS,
    MAX_UNPACKED_BYTES,
    MERGE_SECONDS,
    METRICS_DIR,
    MFA,
    MODEL,
    MODELS,
    OIDC_GROUPS,
    OIDC_URL,
    OTHER_LANGUAGES,
    OWN_HOST,
    PAGE_SECONDS,
    PAGES,
    PRODUCTION,
    PROXIES,
    QUEUE_LIMIT,
    REQUESTS_PER_MINUTE,
    SECRET_KEY,
    STATE_DIR,
    STRANGER_REQUESTS_PER_MINUTE,
    TRACES_ENDPOINT,
    VISIBILITY_SECONDS,
    WEBHOOK_NETWORKS,
)

DEBUG = False

ROOT_URLCONF = "ingestsite.urls"
WSGI_APPLICATION = "ingestsite.wsgi.application"
INSTALLED_APPS = [
    # Their templates go before those of Django's admin and of allauth.
    "ingest.dashboard",
    "ingest.web",
    "ingestsite.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "ingest",
    "ingest.store.sql.apps.CountsConfig",
]
MIDDLEWARE = [
    "ingest.middleware.request_id",
    "ingest.middleware.remove_trailing_slash",
    "ingest.middleware.answer_probes",
    "ingest.middleware.answer_head",
    "ingest.middleware.measure_request",
    "ingest.middleware.trace_request",
    "ingest.middleware.browser_policies",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "ingest.web.sign_in.second_factor.require_second_factor",
    "axes.middleware.AxesMiddleware",
]
if configuration.CORS_ORIGINS:
    INSTALLED_APPS.append("corsheaders")
    # Before anything that answers by itself, such as a redirect to TLS.
    MIDDLEWARE.insert(0, "corsheaders.middleware.CorsMiddleware")
CORS_ALLOWED_ORIGINS = configuration.CORS_ORIGINS
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-encoding",
    "content-type",
    "if-none-match",
    "traceparent",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "Content-Disposition",
    "ETag",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-ID",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ingest.web.context_processors.intake_state",
            ],
        },
    },
]
STATIC_URL = "static/"
# Serve static files from their packages, so that collectstatic is not needed.
WHITENOISE_USE_FINDERS = True
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

configuration.make_state_folder()

# A request fails after so long, and is answered with 503 within five seconds. Workers try again.
DATABASE_SECONDS = 3


def _sqlite(name: str, *, synchronous: str) -> dict[str, Any]:
    """Return a SQLite database: with WAL, writers do not block readers, and a writer waits."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": configuration.STATE_DIR / name,
        "OPTIONS": {
            "init_command": f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous};",
            "transaction_mode": "IMMEDIATE",
            "timeout": DATABASE_SECONDS,
        },
    }


SQLITE = _sqlite("ingest.sqlite3", synchronous="NORMAL")
# The savers' locks must not hold up keys and sessions, so the counts have a file of their own. A
# message is acknowledged after its commit, so that commit must be on the disk.
SQLITE_COUNTS = {
    **_sqlite("counts.sqlite3", synchronous="FULL"),
    "CONN_MAX_AGE": None,
}
# The parts of a URL: their names in libpq and in Django.
LIBPQ_NAMES = {
    "dbname": "NAME",
    "user": "USER",
    "password": "PASSWORD",
    "host": "HOST",
    "port": "PORT",
}
POSTGRESQL: dict[str, Any] = {
    "ENGINE": "ingest.store.sql.postgresql",
    **{name: configuration.DATABASE.get(own, "") for own, name in LIBPQ_NAMES.items()},
    "OPTIONS": {
        "application_name": "ingest",
        # A request may notice that its connection is dead, and then open another one.
        "connect_timeout": 2,  # seconds, the least that there is
        "tcp_user_timeout": 2000,  # milliseconds
        "keepalives_idle": 1,  # seconds
        "keepalives_interval": 1,  # seconds
        "keepalives_count": 1,
        # PostgreSQL ends idle transactions, so an unreachable machine keeps no locks.
        "options": f"-c lock_timeout={DATABASE_SECONDS}s"
        " -c idle_in_transaction_session_timeout=20s",
        # Options of the URL override these.
        **{
            name: value for name, value in configuration.DATABASE.items() if name not in LIBPQ_NAMES
        },
    },
    # A connection costs a process of the server. A dead connection is replaced.
    "CONN_MAX_AGE": 60,  # seconds
    "CONN_HEALTH_CHECKS": True,
}
DATABASES = (
    {"default": POSTGRESQL}
    if configuration.DATABASE
    else {"default": SQLITE, "counts": SQLITE_COUNTS}
)
# The database of the store in SQL.
COUNTS_DATABASE = "default" if configuration.DATABASE else "counts"
DATABASE_ROUTERS = ["ingest.store.sql.router.CountsRouter"]

# API keys have a cache of their own, so that nothing else pushes them out. So have strangers.
CACHES = {
    name: {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": name,
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
    for name in ("default", "keys", "strangers")
}

# The lock is asked first. It knows no accounts.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# After so many wrong passwords, an account is locked for the address that sent them. After so many
# wrong codes, its second factors are locked for every address.
AXES_LOCKOUT_PARAMETERS = "ingest.operations.audit.lock_parameters"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "ingest.operations.audit.stored_name"
AXES_CLIENT_IP_CALLABLE = "ingest.operations.strangers.client_address"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "credential"]
AXES_LOCKOUT_TEMPLATE = "web/locked.html"
# Our audit log has the entries.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False


def oidc_app(url: str, client: str, secret: str) -> dict[str, Any]:
    """Return allauth's settings of one OpenID Connect provider; none without a URL."""
    app = {
        "provider_id": "provider",
        "name": "the provider",
        "client_id": client,
        "secret": secret,
        "settings": {"server_url": url, "oauth_pkce_enabled": True},
    }
    return {"openid_connect": {"APPS": [app] if url else []}}


SOCIALACCOUNT_PROVIDERS = oidc_app(
    configuration.OIDC_URL, configuration.OIDC_CLIENT, configuration.OIDC_SECRET
)
SOCIALACCOUNT_ADAPTER = "ingest.web.sign_in.provider.SignInAdapter"
# Local accounts have our own login page. Nobody gets one at the provider's word.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_UNIQUE_EMAIL = False
ACCOUNT_SIGNUP_FIELDS = ["username*"]
ACCOUNT_ADAPTER = "ingest.web.sign_in.second_factor.AccountAdapter"
# Axes counts wrong passwords and codes in the database. This limit would be of each process alone.
ACCOUNT_RATE_LIMITS = {"login_failed": None}
MFA_ADAPTER = "ingest.web.sign_in.second_factor.FactorAdapter"
MFA_FORMS = {
    name: f"ingest.web.sign_in.second_factor.{form}"
    for name, form in (
        ("authenticate", "CodeForm"),
        ("reauthenticate", "CodeAgainForm"),
        ("authenticate_webauthn", "PasskeyForm"),
        ("reauthenticate_webauthn", "PasskeyAgainForm"),
    )
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
# The clock of a phone may be wrong by half a minute.
MFA_TOTP_TOLERANCE = 1
# An operator or the provider made the account, whatever its e-mail address is.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# A form's redirect to another site is against the content security policy, so this is a link.
SOCIALACCOUNT_LOGIN_ON_GET = True
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
# The login page, and the page after it.
LOGIN_URL, LOGIN_REDIRECT_URL = "web:login", "web:front"
# Production has TLS, so cookies and pages require it there.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = configuration.PRODUCTION
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if configuration.PRODUCTION:  # browsers take these names only over TLS and from this very host
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_COOKIE_AGE = 7 * 24 * 3600  # seconds
# Browsers send these origins where a proxy serves us on another port or scheme.
CSRF_TRUSTED_ORIGINS = configuration.TRUSTED_ORIGINS
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = configuration.PRODUCTION
# A load balancer and Prometheus call the web server directly, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^livez\Z", r"^readyz\Z", r"^metrics\Z"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if configuration.PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = configuration.PRODUCTION
# The owner of the domain decides about HSTS preload.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "ingest.api.errors.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ingest",
    "DESCRIPTION": "Posts in, and exact counts of the names in them out.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    # The page loads its files from our server, not from a CDN.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api",
    "WEBHOOKS": ["ingest.api.openapi.event"],
    "ENUM_NAME_OVERRIDES": {
        "ComparisonOrder": ["share", "difference", "mentions"],
        "CompanionOrder": ["posts", "lift"],
        "ListOrder": ["mentions", "posts", "key"],
        "NameOrder": ["mentions", "posts"],
        "EventTypeEnum": ["watch.matched", "post.saved", "post.dead", "post.deleted"],
    },
    # The description is public. The API it describes requires a key.
    "SERVE_AUTHENTICATION": [],
}

LOGGING_CONFIG = "ingestsite.logs.configure"
LOGGING = logs.CONFIG

# Other settings of ingest: the store that is used, and the class and options of each.
STORE = configuration.STORE
STORES: dict[str, tuple[str, dict[str, Any]]] = {
    "firestore": (
        "ingest.store.firestore.store.FirestoreStore",
        {
            "project": configuration.FIRESTORE_PROJECT,
            "database": configuration.FIRESTORE_DATABASE,
            "keep_content": configuration.KEEP_CONTENT,
            "commit_posts": configuration.COMMIT_POSTS,
            "commit_writes": configuration.COMMIT_WRITES,
            "commit_seconds": configuration.COMMIT_SECONDS,
            "ramp_writes": configuration.RAMP_WRITES,
            "timeout": configuration.STORE_SECONDS,
        },
    ),
    "sql": (
        "ingest.store.sql.store.SqlStore",
        {"keep_content": configuration.KEEP_CONTENT, "commit_posts": configuration.COMMIT_POSTS},
    ),
    "null": ("ingest.store.null.NullStore", {}),
}
