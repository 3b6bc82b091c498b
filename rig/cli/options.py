"""Option types and helpers the verbs share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)")
RUNS = Path("runs")

F = TypeVar("F", bound=Callable[..., Any])


class Duration(click.ParamType[float]):
    """Seconds: a plain number, or one with ms, s, m or h behind it."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Text to seconds."""
        if isinstance(value, float):
            return value
        found = _DURATION.fullmatch(str(value).strip())
        if not found:
            self.fail(f"{value!r} is not a duration; write 90, 90s, 500ms, 2m or 1h", param, ctx)
        return float(found[1]) * _UNITS_S[found[2]]


def json_option(command: F) -> F:
    """``--json``: one object on stdout; all that is meant for people goes to stderr."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")(command)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object. NaN is refused: it is not JSON, and not a figure."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))
