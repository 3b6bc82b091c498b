"""rig: what each Django cache-invalidation strategy does to real users, measured.

The folders are the flow: plan -> measure -> journal -> analysis -> report. See docs/architecture.md.
"""

__version__ = "0.1.0"
