"""Imports point one way, downhill; a stranger can rely on it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RANK = {
    "rig.model": 0,
    "rig.metrics": 0,
    "rig.samples": 0,
    "rig.words": 0,
    "rig.parquet": 0,
    "rig.journal": 1,
    "rig.plan": 2,
    "rig.analysis": 2,
    "rig.report": 3,
    "rig.measure": 3,
    "rig.board": 4,
    "rig.gate": 4,
    "rig.selftest": 4,
    "rig.cli": 5,
}
MEASURE_RANK = {
    "rig.measure.address": 0,
    "rig.measure.services": 0,
    "rig.measure.pages": 1,
    "rig.measure.load": 2,
    "rig.measure.target": 2,
    "rig.measure.origin_events": 2,
    "rig.measure.soundness": 2,
    "rig.measure.given": 3,
    "rig.measure.holder": 2,
    "rig.measure.deeds": 3,
    "rig.measure.disturbances": 4,
    "rig.measure.planning": 3,
    "rig.measure.bench": 4,
    "rig.measure.single": 3,
    "rig.measure.visits": 3,
    "rig.measure.gate": 4,
    "rig.measure.lighthouse": 4,
    "rig.measure.conductor": 5,
}
FILES = sorted((ROOT / "rig").rglob("*.py"))


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _place(module: str, ranks: dict[str, int]) -> tuple[str, int] | None:
    found = [name for name in ranks if module == name or module.startswith(name + ".")]
    return (found[0], ranks[found[0]]) if found else None


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_imports_point_downhill(path):
    """cli → board, gate, selftest → report, measure → analysis, plan → journal → model."""
    for ranks in (RANK, MEASURE_RANK):
        here = _place(_module(path), ranks)
        for name in _imports(path):
            there = _place(name, ranks)
            if here and there and here[0] != there[0]:
                assert there[1] < here[1], f"{_module(path)} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_what_may_be_imported_where(path):
    """rig never imports the target; analysis knows no tool that measures; instrumentation knows Django only."""
    module, names = _module(path), _imports(path)
    roots = {name.split(".")[0] for name in names}
    assert "target_app" not in roots
    if module.startswith(("rig.analysis", "rig.report", "rig.board")):
        assert not roots & {"locust", "gevent", "playwright", "django"}
    if module.startswith("rig.board"):
        assert not any(name.startswith("rig.measure") for name in names)
    if module.startswith("rig.gate") and not module.startswith("rig.gate.live"):
        own = ("rig.gate", "rig.analysis", "rig.model", "rig.metrics")
        assert all(name.startswith(own) for name in names if name.startswith("rig"))
        assert not roots & {"locust", "gevent", "playwright", "subprocess", "socket"}
    if module.startswith("rig.contrib"):
        assert all(name.startswith("rig.contrib") for name in names if name.startswith("rig"))
    elif not module.startswith("rig.contrib"):
        assert "django" not in roots
    if not module.startswith("rig.measure.load"):
        assert "locust" not in roots
    if not module.startswith("rig.measure.pages"):
        assert "playwright" not in roots or module == "rig.measure.services.browser"


@pytest.mark.parametrize("path", sorted((ROOT / "target_app").rglob("*.py")), ids=_module)
def test_the_target_imports_of_rig_only_its_instrumentation(path):
    """As any user's project would."""
    assert all(name.startswith("rig.contrib") for name in _imports(path) if name.split(".")[0] == "rig")
