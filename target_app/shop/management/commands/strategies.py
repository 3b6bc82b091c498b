"""``manage strategies``: the catalogue of strategies with their code, as JSON. Needs neither database nor cache."""

from __future__ import annotations

import inspect
import json
from typing import Any

from django.core.management.base import BaseCommand

from target_app.shop.measured import strategies
from target_app.strategies import STRATEGIES


class Command(BaseCommand):
    """Print the catalogue."""

    help = "print all strategies with what they cost and declare, and their code"

    def handle(self, *_: Any, **__: Any) -> None:
        """Write one JSON object to standard output."""
        rows = []
        for row in strategies():
            cls = type(STRATEGIES[row["name"]])
            notes = inspect.getdoc(cls)
            rows.append({**row, "pitfalls": notes, "code": inspect.getsource(inspect.getmodule(cls))})  # type: ignore[arg-type]
        self.stdout.write(json.dumps({"strategies": rows}))
