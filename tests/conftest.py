"""Comes before every other import of the suite."""

import os

# `import locust` patches the standard library, which would turn sockets and threads of all later tests into gevent's.
os.environ.setdefault("LOCUST_SKIP_MONKEY_PATCH", "1")
