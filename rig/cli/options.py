"""Option types and helpers the verbs share."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from rig.model import InfrastructureError, UsageError

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


class Listen(click.ParamType[tuple[str, int]]):
    """Host and port to listen on: a plain port is loopback, another address must be named."""

    name = "listen"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Text to host and port."""
        from rig.measure.address import parse_listen

        return parse_listen("--metrics-port", str(value))


def metrics_option(command: F) -> F:
    """``--metrics-port``: host and port."""
    told = "Serve live figures for Prometheus at /metrics: PORT on loopback, or ADDRESS:PORT."
    return click.option("--metrics-port", "metrics", type=Listen(), metavar="[ADDRESS:]PORT", help=told)(command)


def json_option(command: F) -> F:
    """``--json``: one object on stdout; all that is meant for people goes to stderr."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")(command)


def header_option(command: F) -> F:
    """``--header``; :func:`headers_of` reads them."""
    told = "A header to send; may be repeated."
    return click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help=told)(command)


def headers_of(texts: Sequence[str]) -> dict[str, str]:
    """``["Accept-Language: de"]`` -> ``{"Accept-Language": "de"}``.

    Raises:
        UsageError: one of them is no header.
    """
    return dict(map(_header, texts))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    sendable = "\n" not in text and "\r" not in text and all(ord(character) < 256 for character in text)
    if not colon or not name.strip() or not sendable:
        raise UsageError(f"--header {text!r}: write it like 'Accept-Language: de'")
    return name.strip(), value.strip()


def allow_host_option(command: F) -> F:
    """``--allow-host``, for ``rig.measure.address.require_allowed``."""
    told = "A host that isn't this machine, and may be loaded."
    return click.option("--allow-host", multiple=True, metavar="HOST", help=told)(command)


def samples_option(command: F) -> F:
    """``--samples``: check it with :func:`require_writable` first, then :func:`keep_samples`."""
    told = "Keep every sample in this Parquet file."
    return click.option("--samples", type=click.Path(path_type=Path), default=None, help=told)(command)


def require_writable(samples: Path) -> None:
    """Before anything is sent: afterwards the samples would be lost.

    Raises:
        UsageError: the file can't be written there.
    """
    if samples.is_dir():
        raise UsageError(f"--samples {samples}: is a folder; name a file in it")
    if not samples.parent.is_dir():
        raise UsageError(f"--samples {samples}: there is no folder {samples.parent}; make it, or name another")
    if not os.access(samples if samples.exists() else samples.parent, os.W_OK):
        raise UsageError(f"--samples {samples}: cannot be written; name another file")


def keep_samples(parquet: Path, samples: Path) -> None:
    """Copy the file of samples to where the user wants it.

    Raises:
        InfrastructureError: it cannot be written.
    """
    try:
        shutil.copyfile(parquet, samples)
    except OSError as error:
        raise InfrastructureError(f"{samples}: cannot be written ({error.strerror})") from error


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object. NaN is refused: it is not JSON, and not a figure."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))
