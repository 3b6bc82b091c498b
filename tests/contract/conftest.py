"""Fixtures for every file of this folder."""

from tests.contract.databases import database, postgres_settings, postgres_url
from tests.contract.strategy_bench import gate, server, shop

__all__ = ["database", "gate", "postgres_settings", "postgres_url", "server", "shop"]
