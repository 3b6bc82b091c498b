"""A process of its own: prepares a small shop, caches one page, and is killed between COMMIT and delete.

``python outbox_child.py STRATEGY`` with the shop's settings in the environment.
"""

import os
import signal
import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from rig.contrib.django import Trace  # noqa: E402
from rig.contrib.django.trace import tracing  # noqa: E402
from target_app.shop import catalogue, writes  # noqa: E402
from target_app.shop.entries import product_entry  # noqa: E402
from target_app.strategies import STRATEGIES  # noqa: E402
from target_app.strategies.outbox import Outbox  # noqa: E402


def killed(_entries):
    os.kill(os.getpid(), signal.SIGKILL)


call_command("migrate", verbosity=0)
catalogue.prepare(orders=50)
strategy = STRATEGIES[sys.argv[1]]
Outbox.worker.start = lambda: None  # It dies before its own worker turns to the row.
with tracing(Trace(strategy=strategy.name)):
    strategy.read(product_entry("moon-jar"))
    strategy.invalidate = killed
    writes.change_product("moon-jar", price_cents=7777, stock=3)
