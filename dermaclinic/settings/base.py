"""Settings that hold everywhere. Secrets come from the environment, or from files it names."""

from datetime import timedelta
from pathlib import Path

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from dermaclinic import embedded
from dermaclinic.settings import environment, identity

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DEBUG = False
ALLOWED_HOSTS: list[str] = []
TRUSTED_PROXIES = environment.networks("TRUSTED_PROXIES")  # whose X-Forwarded-For is believed

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "django_htmx",
    "django_filters",
    "django_prometheus",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "axes",
    "dermaclinic.audit",
    "dermaclinic.accounts",
    "patients",
    "imaging",
    "inference",
    "reports",
    "workers",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "dermaclinic.edge.middleware.EdgeMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dermaclinic.edge.middleware.RateMiddleware",
    "dermaclinic.accounts.middleware.ActorMiddleware",
    "dermaclinic.accounts.idle.IdleMiddleware",
    "dermaclinic.errors.DomainErrorMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "dermaclinic.urls"
WSGI_APPLICATION = "dermaclinic.wsgi.application"
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
                "dermaclinic.accounts.context.actor",
            ],
        },
    }
]

# PostgreSQL. `denials` is a second connection of the same role: a rollback cannot erase a denial.
DATABASE_ROLE = environment.database_role()
DATABASES = {
    "default": environment.database(DATABASE_ROLE),
    "denials": environment.database(DATABASE_ROLE),
}
AUDIT_DENIALS_DATABASE = "denials"
DATABASE_ROUTERS: list[str] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis only rings the bell. A message that is lost or repeated changes nothing.
REDIS_URL = environment.redis_url()
CELERY_BROKER_URL = embedded.celery_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"workers.inference.*": {"queue": "inference"}}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "workers.default.sweep", "schedule": 60.0},
    "sweep-vault": {"task": "workers.default.sweep_vault", "schedule": 3600.0},
    "sweep-waiting": {
        "task": "workers.default.sweep_waiting",
        "schedule": crontab(hour=3, minute=20),
    },
    "sweep-sessions": {"task": "workers.default.sweep_sessions", "schedule": 3600.0},
    "audit-partitions": {"task": "workers.default.make_audit_partitions", "schedule": 3600.0},
}
BELL_TIMEOUT_SECONDS = 0.3

# How often somebody may come (dermaclinic/edge/rates.py): so many requests in so many seconds. A
# clinic's people often share one address, and their open pages ask every few seconds.
RATE_LIMITS = {
    "address": (6000, 60),
    "member": (1200, 60),
    "guesses": (60, 60),  # what nobody signed in sends, by address
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    "counts": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "dermaclinic.counts",
        "OPTIONS": {
            "socket_timeout": BELL_TIMEOUT_SECONDS,
            "socket_connect_timeout": BELL_TIMEOUT_SECONDS,
        },
    },
}

# The queue (inference/services/queue.py) and its workers.
INFERENCE_LEASE_SECONDS = 120
INFERENCE_MAX_ATTEMPTS = 3
INFERENCE_BATCH_SIZE = 32  # rows claimed together
INFERENCE_FORWARD_SIZES = (1, 2, 4)  # images in one pass; with more, a CPU's caches overflow
INFERENCE_THREADS = 1  # inside one operation: on CPU, one worker per core
INFERENCE_READERS = 1  # threads that unseal and decode the next batch

MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # no readable cookie
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: it only says no
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",  # Argon2id
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # replaced at the next sign-in
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "dermaclinic.accounts.passwords.DecoratedPasswordValidator"},
]
# Who needs a second factor where a clinic has set nothing.
MFA_ROLES: tuple[str, ...] = ("doctor", "administrator")

# Sign-in: allauth's parts behind our own addresses and pages. Nobody signs up.
ACCOUNT_ADAPTER = "dermaclinic.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation is the proof
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_SESSION_REMEMBER = True  # as long as SESSION_COOKIE_AGE and the idle limit say
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_LOGIN_TIMEOUT = 600  # from the password to the second factor
ACCOUNT_RATE_LIMITS = False  # the limits below count in the database, for all processes together
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "preferred"  # required where a passkey is the only factor
MFA_RATE_LIMITS = False
MFA_ADAPTER = "dermaclinic.accounts.adapter.MfaAdapter"
SOCIALACCOUNT_ADAPTER = "dermaclinic.accounts.oidc.SocialAdapter"
SOCIALACCOUNT_STORE_TOKENS = False

# A hospital's identity provider (accounts/oidc.py); without an issuer there is none.
OIDC_ISSUER = identity.issuer("OIDC_ISSUER")
OIDC_CLIENT_ID = environment.secret("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = environment.secret("OIDC_CLIENT_SECRET")
OIDC_NAME = environment.word("OIDC_NAME", "your hospital")
OIDC_CLINIC = identity.clinic("OIDC_CLINIC", needed=OIDC_ISSUER)
OIDC_ROLE_CLAIM = environment.word("OIDC_ROLE_CLAIM", "")  # `roles`, or `realm_access.roles`
OIDC_ROLES = identity.roles("OIDC_ROLES")  # `derm-physician=doctor,derm-it=administrator`

# Wrong passwords and codes, counted by django-axes: of an account from one address, and from all.
AXES_HANDLER = "dermaclinic.accounts.lockout.Handler"
AXES_FAILURE_LIMIT = 5
ACCOUNT_FAILURE_LIMIT = 30
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "username"]
AXES_USERNAME_CALLABLE = "dermaclinic.accounts.lockout.account_key"
AXES_CLIENT_IP_CALLABLE = "dermaclinic.accounts.lockout.client_address"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # nobody is kept out by knocking on
AXES_DISABLE_ACCESS_LOG = True  # the audit has it
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
SILENCED_SYSTEM_CHECKS = ["axes.W002"]  # the sign-in service asks for the lock: no middleware

LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_HTTPONLY = True  # pages carry the token themselves

# Keys. Only the sealer's process is given AUDIT_SEAL_KEY.
SECRET_KEY = environment.secret("SECRET_KEY")
VAULT_KEYS = environment.secret("VAULT_KEYS")
VAULT_NAMING_KEY = environment.secret("VAULT_NAMING_KEY")
VAULT_KMS = environment.word("VAULT_KMS", "")  # what has wrapped them, if anything
VAULT_REFUSES_DEMO_KEYS = False
AUDIT_EVENT_KEY = environment.secret("AUDIT_EVENT_KEY")
AUDIT_SEAL_KEY = environment.secret("AUDIT_SEAL_KEY")
AUDIT_ANCHOR = environment.word("AUDIT_ANCHOR", "")  # the sealer's file outside of the database
# The sealer's syslog collector (host:port, over TLS), who signed its certificate, and our own.
AUDIT_SYSLOG = environment.word("AUDIT_SYSLOG", "")
AUDIT_SYSLOG_CA = environment.word("AUDIT_SYSLOG_CA", "")
AUDIT_SYSLOG_CERTIFICATE = environment.word("AUDIT_SYSLOG_CERTIFICATE", "")
AUDIT_SYSLOG_KEY = environment.word("AUDIT_SYSLOG_KEY", "")
VAULT_DIR = environment.path("VAULT_DIR", embedded.state_dir() / "vault")
MODEL_PACKAGES = environment.path("MODEL_PACKAGES", BASE_DIR / "inference" / "packages")
# Which shipped package answers for a kind of image until an administrator chooses another one.
MODEL_DEFAULTS = {
    "dermoscopy": environment.word("MODEL_DERMOSCOPY", "ham10000-standard"),
    "clinical": environment.word("MODEL_CLINICAL", "pad-ufes-20"),
}

# Uploads: the limit of one file is imaging.formats.MAX_BYTES; nothing touches the disk unsealed.
FILE_UPLOAD_HANDLERS = ["imaging.uploads.SealedMemoryUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1
DATA_UPLOAD_MAX_NUMBER_FIELDS = 300

# Invitations are mailed where a server is named; else the administrator hands the link over.
EMAIL_HOST = environment.word("EMAIL_HOST", "")
EMAIL_PORT = int(environment.word("EMAIL_PORT", "587"))
EMAIL_USE_TLS = EMAIL_PORT == 587  # submission with STARTTLS (RFC 6409)
EMAIL_USE_SSL = EMAIL_PORT == 465
EMAIL_HOST_USER = environment.word("EMAIL_USER", "")
EMAIL_HOST_PASSWORD = environment.secret("EMAIL_PASSWORD")
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = environment.word("EMAIL_FROM", "dermaclinic@localhost")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
TIME_ZONE = "UTC"
# The clinic's own day: access outside of it is pointed out (audit/unusual.py), and what patients
# are handed out is in its time.
CLINIC_TIME_ZONE = environment.word("CLINIC_TIME_ZONE", "UTC")
CLINIC_DAYS = (1, 2, 3, 4, 5)  # ISO weekdays, Monday is 1
CLINIC_HOURS = (7, 20)  # opens, closes
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "dermaclinic.accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "dermaclinic.accounts.authentication.IsMember",
        "dermaclinic.accounts.scopes.WithinScope",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["dermaclinic.edge.throttles.PerMember"],
    "EXCEPTION_HANDLER": "dermaclinic.problems.problem_details",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "dermaclinic",
    "DESCRIPTION": "A clinic's dermoscopy record with a second opinion. For research use.",
    "VERSION": "1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"without_values": {"()": "dermaclinic.logs.WithoutValues"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["without_values"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": []},  # all through the one handler, and no mail of whole requests
        "weasyprint": {"level": "ERROR"},
        "fontTools": {"level": "WARNING"},
        "axes": {"level": "ERROR"},  # the audit says it with the account's id
    },
}
