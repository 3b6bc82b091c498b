"""The smallest project that can be measured: docs/target-contract.md shows the same lines."""

SECRET_KEY = "tests only"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.contract.ten_lines.urls"
MIDDLEWARE = ["rig.contrib.django.RigMiddleware"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
