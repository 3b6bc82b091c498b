"""``rig doctor``: what is installed, what is missing, what to do."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from rig.cli.options import json_option, print_json
from rig.model import ExitCode, InfrastructureError, RigError

Check = Callable[[], str]
_CONNECT_S = 5


@click.command(short_help="Say what is installed, what is missing, and what to do.")
@json_option
def doctor(as_json: bool) -> int:
    """Check everything a run needs. Exit code 3 when something it needs is missing."""
    rows = [_checked(name, check) for name, check in CHECKS.items()]
    if as_json:
        print_json({"ok": all(row["ok"] for row in rows), "checks": rows})
    else:
        for row in rows:
            click.echo(f"{'ok     ' if row['ok'] else 'MISSING'}  {row['name']:<14}{row['fact']}")
        missing = [row for row in rows if not row["ok"]]
        click.echo(f"\n{len(missing)} missing; `make setup` installs them" if missing else "\nNext: rig run")
    return ExitCode.OK if all(row["ok"] for row in rows) else ExitCode.INVALID


def _checked(name: str, check: Check) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "fact": check()}
    except (RigError, OSError, ImportError) as error:
        return {"name": name, "ok": False, "fact": str(error)}


def _python() -> str:
    return f"{platform.python_version()} ({sys.executable})"


def _cpus() -> str:
    from rig.plan.environment import cpus, pinning

    target, instrument = pinning()
    if target is None:
        return f"{len(cpus())}; target and instrument are not pinned apart, so they disturb each other"
    return f"{len(cpus())}; target on {target}, generator and browser on {instrument}"


def _cache() -> str:
    import tempfile

    from rig.measure.services.cache_server import cache_server

    with tempfile.TemporaryDirectory(prefix="rig-") as folder, cache_server(Path(folder), None) as cache:
        return cache.version + (" (RIG_REDIS_URL)" if cache.service is None else "")


def _database() -> str:
    from rig.measure.services.app_server import database_name

    if not (url := os.environ.get("DATABASE_URL")):
        return f"{database_name()}, in a file of its own"
    _require_connection(url)
    return f"{database_name()} (DATABASE_URL)"


def _require_connection(url: str) -> None:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=_CONNECT_S).close()
    except psycopg.OperationalError as error:
        raise InfrastructureError(f"DATABASE_URL: {' '.join(str(error).split())}") from error
    except psycopg.Error:
        # What it says may quote the password.
        raise InfrastructureError("DATABASE_URL: write it like postgresql://user:password@host:5432/name") from None


def _browser() -> str:
    from rig.measure.services.browser import find_browser

    found = find_browser()
    # 0.111 against 0.159 s of CPU a visit in benchmarks/pages.py.
    hint = "" if "shell" in found.path.name else "; headless shell: 30 % less CPU"
    return f"{found.version} ({found.source}){hint}"


def _javascript(package: str, file: str) -> Check:
    def check() -> str:
        import json

        from rig.measure.services.app_server import ROOT

        folder = ROOT / "node_modules" / package
        if not (folder / file).is_file():
            raise OSError(f"npm package {package} is not installed; run make setup")
        return str(json.loads((folder / "package.json").read_text())["version"])

    return check


def _shop_data() -> str:
    from rig.measure.services.app_server import DATA

    return f"ready in {DATA}" if (DATA / "shop.sqlite3").exists() else "not made yet; the first run makes it"


CHECKS: dict[str, Check] = {
    "python": _python,
    "cpus": _cpus,
    "cache server": _cache,
    "database": _database,
    "browser": _browser,
    "web-vitals": _javascript("web-vitals", "dist/web-vitals.attribution.iife.js"),
    "echarts": _javascript("echarts", "dist/echarts.min.js"),
    "shop data": _shop_data,
}
