"""Fixtures for every file of this folder."""

from tests.contract.databases import database, postgres_settings, postgres_url

__all__ = ["database", "postgres_settings", "postgres_url"]
