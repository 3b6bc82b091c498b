"""The worst stampede of a run, so that it can be looked at from the first screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rig.analysis.finding import is_control
from rig.report.chart_data import Picture
from rig.report.ledger_lines import place
from rig.report.tables import dig
from rig.words import count, milliseconds, plural, seconds


def worst(arms: Mapping[str, dict[str, Any]], found: Sequence[Picture]) -> dict[str, Any] | None:
    """The stampede with most recomputes at once, of several the one most requests met: its place in the charts, and a
    sentence. None where there was none.

    Controls, which are wrong on purpose, count only where nothing else stampeded.
    """
    lines = [
        (label, line)
        for label, arm in arms.items()
        for line in dig(arm, "origin", "ledger") or []
    ]  # fmt: skip
    fair = [(label, line) for label, line in lines if not is_control(arms[label])]
    for label, line in sorted(fair or lines, key=lambda one: (-one[1]["peak"], -one[1]["requests"])):
        number = _number(found, label, line)
        if number is not None:
            return {
                "arm": list(arms).index(label), "round": line["round"], "stampede": number, "text": _text(label, line),
            }  # fmt: skip
    return None


def _number(found: Sequence[Picture], label: str, line: Mapping[str, Any]) -> int | None:
    """The stampede's index in its trial's timeline."""
    mine = place(label, line["round"], line["entry"], line["begin_s"])
    for picture in found:
        trial = picture.trial.id
        for number, one in enumerate(picture.timeline.stampedes):
            if place(trial.arm, trial.round, one.entry, one.begin_s) == mine:
                return number
    return None


def _text(label: str, line: Mapping[str, Any]) -> str:
    waited = f"; their p95 was {milliseconds(line['response_p95_ms'])}" if line["response_p95_ms"] is not None else ""
    return (
        f"{label}, round {line['round']}: {plural(line['peak'], 'recompute')} of {line['entry']} at once"
        f" for {seconds(line['lasted_s'])}, met by {count(line['requests'])} requests{waited}"
    )
