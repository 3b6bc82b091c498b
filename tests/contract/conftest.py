"""Fixtures for every file of this folder."""

from tests.contract.databases import database, postgres_settings, postgres_url
from tests.contract.interleaving import pause, recorded
from tests.contract.strategy_bench import gate, server, shop, short_ttl

__all__ = ["database", "gate", "pause", "postgres_settings", "postgres_url", "recorded", "server", "shop", "short_ttl"]
