"""Instrumentation for any Django project: response headers, control endpoints, event files.

Imports Django and nothing else of rig. ``docs/target-contract.md`` has the contract and a ten-line example.
"""

from rig.contrib.django.control import Hooks, control_urls
from rig.contrib.django.disturbance import Disturbance, repeated, slow_commit, slow_origin
from rig.contrib.django.later import carried
from rig.contrib.django.middleware import RigMiddleware
from rig.contrib.django.origin import Recompute, Write, background, immediate, invalidation, recompute, snapshot, write
from rig.contrib.django.runtime import MEASURING, epoch, is_token, parameters
from rig.contrib.django.trace import Served, Status, Trace, current, serve

__all__ = [
    "MEASURING",
    "Disturbance",
    "Hooks",
    "Recompute",
    "RigMiddleware",
    "Served",
    "Status",
    "Trace",
    "Write",
    "background",
    "carried",
    "control_urls",
    "current",
    "epoch",
    "immediate",
    "invalidation",
    "is_token",
    "parameters",
    "recompute",
    "repeated",
    "serve",
    "slow_commit",
    "slow_origin",
    "snapshot",
    "write",
]
