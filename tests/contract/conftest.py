"""Fixtures of the strategies' bench, for every file of this folder."""

from tests.contract.strategy_bench import gate, server, shop

__all__ = ["gate", "server", "shop"]
