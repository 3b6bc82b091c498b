"""What the page says before any script runs: header, notices, finding, conditions, verdicts, tables, titles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rig.analysis.finding import control_note
from rig.analysis.timeline import BUCKET_S
from rig.journal import Run
from rig.metrics import LCP
from rig.model import RunStatus
from rig.report import claims, evidence, lcp_tables, ledger_tables, lighthouse, pareto, tables
from rig.report.chart_data import Picture, chart_data, pictures, style_of
from rig.report.conditions import conditions, ratios
from rig.report.disturbances import blocks
from rig.report.headlines import headlines
from rig.report.stamp import stamp
from rig.report.tables import dig
from rig.report.worst import worst
from rig.words import NOT_MEASURED, age, count, figure, interval, is_number, milliseconds, percent, plural, seconds

GRADES = {"good": "✓", "ok": "~", "bad": "✗"}


def view(run: Run, summary: dict[str, Any]) -> dict[str, Any]:
    """Everything the template and the charts need, from the run directory and its summary alone."""
    plan = run.manifest.get("plan") or {}
    labels = _labels(run, summary)
    arms = {label: summary["arms"].get(label) or {} for label in labels}
    found = pictures(run)
    slow = evidence.slowest(arms, found, run.path)
    places = pareto.points(summary)
    told = claims.counted(summary.get("claims") or [])
    rounds = int(plan.get("rounds") or max((p.trial.id.round for p in found), default=0))
    return {
        "header": header(run, summary, labels, rounds),
        "notices": [*interruption(run, found, rounds * len(labels)), *unmeasured(arms)],
        "sentences": dig(summary, "finding", "sentences") or [],
        "conditions": conditions(summary.get("conditions") or {}),
        "ratios": ratios(summary.get("conditions") or {}),
        "verdicts": verdicts(arms),
        "disturbances": blocks(arms),
        "claims": claims.groups(summary.get("claims") or []) if told else [],
        "claims_counted": told,
        "styles": {label: style_of(position) for position, label in enumerate(labels)},
        "titles": {**headlines(arms, labels, found), "tradeoff": pareto.title(places), "slowest": evidence.title(slow)},
        "worst": worst(arms, found),
        "ledger": ledger_tables.ledger_table(arms),
        "lcp": tables.lcp_table(labels, found),
        "causes": lcp_tables.causes_table(arms),
        "causes_explained": lcp_tables.causes_explained(arms),
        "parts": lcp_tables.pipeline_table(arms),
        "slowest": slow,
        "lighthouse": lighthouse.section(run, found, labels),
        "controls": lcp_tables.controls_table(arms),
        "controls_said": lcp_tables.controls_said(arms, summary.get("starvation")),
        "bucket": seconds(found[0].timeline.bucket_s if found else BUCKET_S),
        "tradeoff": pareto.table(places),
        "freshness": tables.freshness_table(arms),
        "ages": ages(arms),
        "lcp_limits": f"good up to {milliseconds(LCP.good_max)}, poor above {milliseconds(LCP.poor_min)}",
        "cost": tables.cost_table(arms),
        "validity": tables.validity_table(arms, found, rounds),
        "warnings": summary.get("warnings") or [],
        "outside": tables.outside(found, run.unsealed),
        "environment": tables.flattened(run.manifest.get("environment") or {}),
        "plan": tables.flattened({k: v for k, v in plan.items() if k not in ("arms", "order")}),
        "reproduce": run.manifest.get("reproduce"),
        "data": {
            **chart_data(labels, found, summary),
            "slowest": evidence.links(slow),
            "pareto": [asdict(place) for place in places],
        },
    }


def _labels(run: Run, summary: dict[str, Any]) -> list[str]:
    """Arms as planned; then any that only the summary or a trial knows."""
    planned = [arm["label"] for arm in dig(run.manifest, "plan", "arms") or []]
    return list(dict.fromkeys([*planned, *summary["arms"], *(trial.id.arm for trial in run.trials)]))


def header(run: Run, summary: dict[str, Any], labels: Sequence[str], rounds: int) -> dict[str, Any]:
    """One line: what was run, whether it counts, when."""
    created = str(run.manifest.get("created") or "")
    return {
        "profile": run.manifest.get("profile") or "run",
        "arms": plural(len(labels), "strategy", "strategies"),
        "rounds": plural(rounds, "round"),
        "valid": bool(summary.get("valid")),
        "interrupted": run.status is not RunStatus.COMPLETE,
        "selftest": stamp(run.manifest.get("environment") or {}),
        "created": created,
        "date": f"{datetime.fromisoformat(created):%d %b %Y}" if created else "date unknown",
        "time": f"{datetime.fromisoformat(created):%H:%M} UTC" if created else "",
        "name": run.path.name,
    }


def interruption(run: Run, found: Sequence[Picture], planned: int) -> list[str]:
    """Why the run is not whole; empty for a complete one."""
    if run.status is RunStatus.COMPLETE:
        return []
    begun = f"{plural(len(found), 'trial')} of {planned} finished"
    missing = f"; not finished: {', '.join(run.unsealed)}" if run.unsealed else ""
    error = f" {run.manifest['error']}" if run.manifest.get("error") else ""
    word = {RunStatus.FAILED: "failed", RunStatus.RUNNING: "is still running"}.get(run.status, "was interrupted")
    return [f"This run {word}: {begun}{missing}. Figures are from the finished trials only.{error}"]


def unmeasured(arms: dict[str, dict[str, Any]]) -> list[str]:
    """Arms without any figure."""
    missing = [
        label for label, arm in arms.items() if not dig(arm, "requests", "sent") and not dig(arm, "pages", "scheduled")
    ]
    return [f"Not measured: {', '.join(missing)}."] if missing else []


def verdicts(arms: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a strategy of the table on the first screen."""
    longest = max(
        (v for arm in arms.values() for v in (_lcp(arm, "outside"), _lcp(arm, "inside")) if is_number(v)), default=0.0
    )
    return [_verdict(label, arm, longest) for label, arm in arms.items()]


def _verdict(label: str, arm: dict[str, Any], longest: float) -> dict[str, Any]:
    calm, inside = _lcp(arm, "outside"), _lcp(arm, "inside")
    stampedes = dig(arm, "origin", "stampedes")
    recomputes = dig(arm, "origin", "recomputes")
    grade = dig(arm, "verdict", "grade")
    reasons = dig(arm, "verdict", "reasons") or []
    maximum = arm.get("max_staleness_s")
    return {
        "label": label,
        "control": control_note(arm),
        "ttl": f"TTL {seconds(arm.get('ttl_s'))}" if is_number(arm.get("ttl_s")) else "",
        "calm": milliseconds(calm),
        "inside": milliseconds(inside) if is_number(inside) else _no_inside(stampedes),
        "calm_share": calm / longest if is_number(calm) and longest else 0,
        "inside_share": inside / longest if is_number(inside) and longest else 0,
        "spread": round_spread(arm),
        "slow": percent(dig(arm, "pages", "slow_share")),
        "p95": milliseconds(dig(arm, "requests", "response_ms", "p95")),
        "oldest": age(dig(arm, "staleness", "age_max_s")),
        "allowed": f"limit {seconds(maximum)}" if is_number(maximum) else "",
        "origin": percent(dig(arm, "origin", "cpu_share")),
        "recomputes": f"{count(recomputes)} recomputes" if is_number(recomputes) else "",
        "commands": figure(dig(arm, "origin", "cache_commands_per_request")),
        "dom_nodes": count(dig(arm, "pages", "dom_nodes")),
        "rendering": _rendering(arm.get("pages") or {}),
        "grade": grade,
        "sign": GRADES.get(str(grade), "?"),
        "brief": brief(reasons[0]) if reasons else "",
        "reasons": reasons,
    }


def _rendering(pages: dict[str, Any]) -> list[str]:
    """What the browser does with the page: ``["2 layouts, 3 styles", "paint 1.1 ms"]``, as far as it was measured."""
    known = [
        f"{count(value)} {name}"
        for name, key in (("layouts", "layouts"), ("styles", "style_recalcs"))
        if is_number(value := pages.get(key))
    ]
    paint_ms = dig(pages, "traced", "paint_ms")
    return [
        *([", ".join(known)] if known else []),
        *([f"paint {milliseconds(paint_ms)}"] if paint_ms is not None else []),
    ]


def _no_inside(stampedes: object) -> str:
    if not is_number(stampedes):
        return NOT_MEASURED
    return "no visit met a stampede" if stampedes else "no stampede"


def _lcp(arm: dict[str, Any], side: str) -> Any:
    return dig(arm, "pages", f"{side}_stampede", "lcp_ms", "p50")


def round_spread(arm: dict[str, Any]) -> str:
    """The median LCP in stampede of each round: smallest to greatest; empty below two rounds."""
    medians = [value for one in arm.get("by_round") or [] if is_number(value := one.get("lcp_inside_p50"))]
    return interval(min(medians), max(medians), "ms") if len(medians) > 1 else ""


def brief(reason: str) -> str:
    """A reason without its grade and limits, which stand beside it and behind "why"."""
    grade, _, text = reason.partition(": ")
    return (text if grade in (*GRADES, "not graded") else reason).partition(" (good up to")[0]


def ages(arms: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The oldest page each strategy served, against the most it declares."""
    known = [(label, dig(arm, "staleness", "age_max_s"), arm.get("max_staleness_s")) for label, arm in arms.items()]
    return [
        {
            "label": label,
            "oldest": age(oldest),
            "allowed": seconds(allowed),
            "beyond": is_number(oldest) and is_number(allowed) and oldest > allowed,
        }
        for label, oldest, allowed in known
    ]
