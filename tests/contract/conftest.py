"""Fixtures of the strategies' bench, for every file of this folder."""

from tests.contract.interleaving import pause, recorded
from tests.contract.strategy_bench import gate, server, shop

__all__ = ["gate", "pause", "recorded", "server", "shop"]
