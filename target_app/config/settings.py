"""Settings of the sample shop, from the environment.

``SHOP_DATA_DIR``        folder for the database file and the pictures
``SHOP_DB``              SQLite file, when it is not ``SHOP_DATA_DIR/shop.sqlite3``
``DATABASE_URL``         ``postgresql://user:password@host:port/name`` instead of SQLite
``RIG_REDIS_URL``        cache server, ``redis://…`` or ``unix:///path?db=0``
``RIG_PICKLE_REDIS_URL`` cache server for what only pickle can store: ``unix://…``, a socket nobody else may open
``CACHE_HERD_TIMEOUT``   seconds django-redis' HerdClient goes on serving a value after its time to live; its default 60
``CACHE_STRATEGY``       default of the flag ``cache-strategy``
``CACHE_TTL_S``          the short time to live, outside measurement
``SHOP_ISOLATED``        1: pages are cross-origin isolated, and Chromium tells LCP finer than to 4 ms
``RIG_METRICS``          1: counts for Prometheus at ``/metrics``; they cost time in every request
``DJANGO_SECRET_KEY``, ``DJANGO_ALLOWED_HOSTS``, ``DJANGO_DEBUG``
"""

from __future__ import annotations

import os
import secrets
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

EXTRA = "install rig[libraries]"
"""The remedy where a library is missing."""

BASE_DIR = Path(__file__).resolve().parents[1]
DATA_DIR = Path(os.environ.get("SHOP_DATA_DIR", BASE_DIR.parent / ".rig" / "shop")).resolve()

# Without a key in the environment each start makes its own: sessions end with the process, nothing secret is stored.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or secrets.token_urlsafe(40)
DEBUG = os.environ.get("DJANGO_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")

INSTALLED_APPS = ["django.contrib.staticfiles", "target_app.shop"]
MIDDLEWARE = [
    "rig.contrib.django.RigMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "target_app.flags.StrategyMiddleware",
]
SHOP_ISOLATED = os.environ.get("SHOP_ISOLATED") == "1"
if SHOP_ISOLATED:
    # Below rig's own, which stays outermost, and above what serves the pictures.
    MIDDLEWARE.insert(1, "target_app.isolation.IsolationMiddleware")
METRICS = os.environ.get("RIG_METRICS") == "1"
if METRICS:
    INSTALLED_APPS.append("django_prometheus")
    MIDDLEWARE.insert(1, "django_prometheus.middleware.PrometheusBeforeMiddleware")
    MIDDLEWARE.append("django_prometheus.middleware.PrometheusAfterMiddleware")
ROOT_URLCONF = "target_app.config.urls"
WSGI_APPLICATION = "target_app.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.csrf"]},
    }
]


def _database() -> dict[str, object]:
    url = os.environ.get("DATABASE_URL")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("SHOP_DB", str(DATA_DIR / "shop.sqlite3")),
            # A connection lives as long as its server thread: opening one costs more than a cache hit.
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=268435456;"
                    " PRAGMA cache_size=-8000; PRAGMA temp_store=MEMORY;"
                ),
            },
        }
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": parts.port or "",
        # The pool keeps the connections; Django must not keep them a second time.
        "CONN_MAX_AGE": 0,
        "OPTIONS": {"pool": {"min_size": 2, "max_size": 16}},
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def pickled(url: str, prefix: str = "rig-shop-pages", **options: str) -> dict[str, object]:
    """A cache alias that stores pickles at ``url``."""
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": prefix,
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1, **options},
    }


CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": os.environ.get("RIG_REDIS_URL", "redis://127.0.0.1:6379/0"),
        "KEY_PREFIX": "rig-shop",
        "OPTIONS": {
            # msgpack, not django-redis' default pickle: who can write to the cache must not run code here.
            "SERIALIZER": "django_redis.serializers.msgpack.MSGPackSerializer",
            "SOCKET_CONNECT_TIMEOUT": 1,
            "SOCKET_TIMEOUT": 1,
        },
    },
}
if PICKLE_URL := os.environ.get("RIG_PICKLE_REDIS_URL"):
    # Who can write a pickle runs code in whoever reads it.
    if not PICKLE_URL.startswith("unix://"):
        raise ImproperlyConfigured("RIG_PICKLE_REDIS_URL is not a unix:// address; pickle needs a private socket")
    CACHES["pages"] = pickled(PICKLE_URL)
    CACHES["herd"] = pickled(PICKLE_URL, "rig-shop", CLIENT_CLASS="django_redis.client.HerdClient")
    CACHES["cachalot"] = {
        **pickled(PICKLE_URL, "rig-shop"),
        "BACKEND": "target_app.strategies.cachalot_parts.PartsCache",
    }
CACHE_STRATEGY = os.environ.get("CACHE_STRATEGY", "fixed-timeout")
CACHE_TTL_S = float(os.environ.get("CACHE_TTL_S", "60"))
CACHE_HERD_TIMEOUT = int(os.environ.get("CACHE_HERD_TIMEOUT", "60"))

if CACHE_STRATEGY in ("cacheops", "cachalot"):
    # They patch the ORM for everyone, so they are there only in a process of their own.
    if find_spec(CACHE_STRATEGY) is None:
        raise ImproperlyConfigured(f"CACHE_STRATEGY={CACHE_STRATEGY}: django-{CACHE_STRATEGY} is missing; {EXTRA}")
    if not PICKLE_URL:
        raise ImproperlyConfigured(f"CACHE_STRATEGY={CACHE_STRATEGY}: it stores pickles; set RIG_PICKLE_REDIS_URL")
    INSTALLED_APPS.append(CACHE_STRATEGY)
CACHEOPS_REDIS = PICKLE_URL
# Nothing is cached unless asked for: strategies say what, and for how long.
CACHEOPS = {"shop.*": {"ops": (), "timeout": 3600}}
CACHALOT_CACHE = "cachalot"


def CACHEOPS_PREFIX(_: object) -> str:  # noqa: N802 - the library's name for it.
    """Put cacheops' keys among the shop's, so that clearing the shop's cache takes them out too."""
    return "rig-shop:1:cacheops:"


SHOP_IMAGE_DIR = DATA_DIR / "images"
STATIC_URL = "/static/"
STATICFILES_DIRS = [("shop/img", SHOP_IMAGE_DIR)]
# Served from where they lie: nothing has to be collected before the first request.
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600

TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
