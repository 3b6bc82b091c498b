"""docs/strategies.md: every strategy has its place there, and the guide's own strategy keeps the contract."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from target_app.strategies import STRATEGIES
from target_app.strategies.base import Strategy
from tests.contract import test_strategies as contract
from tests.contract import test_strategies_in_trouble as trouble
from tests.contract.test_strategies_in_trouble import events

__all__ = ["events"]
GUIDE = (Path(__file__).parents[2] / "docs/strategies.md").read_text()
MOST_LINES = 30
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]

ONCE = (
    contract.test_a_miss_stores_and_the_next_read_hits,
    contract.test_all_dependents_are_fresh_within_the_declared_staleness,
    contract.test_a_rolled_back_write_leaves_cache_and_version_alone,
    contract.test_an_empty_value_is_a_value,
    contract.test_declared_round_trips_are_those_the_server_counted,
    trouble.test_as_many_recompute_at_once_as_declared,
    trouble.test_the_stale_set_race_ends_as_declared,
    trouble.test_a_lost_invalidation_ends_as_declared,
    trouble.test_an_emptied_cache_is_a_miss_and_fresh,
)
FOR_EACH_WRITE = (
    contract.test_a_write_raises_and_invalidates_exactly_what_the_target_declares,
    contract.test_every_dependent_shows_a_write_within_the_declared_staleness,
)
CASES = [(check, {}) for check in ONCE]
CASES += [(check, {"path": path}) for check in FOR_EACH_WRITE for path in contract.WRITES]


@pytest.fixture(scope="module")
def code() -> str:
    """The guide's one block of Python."""
    (block,) = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    return block


@pytest.fixture
def own(code, monkeypatch) -> Strategy:
    """What it defines, registered as the guide says."""
    defined: dict[str, object] = {"__name__": "target_app.strategies.delete_and_expire"}
    exec(compile(code, "docs/strategies.md", "exec"), defined)
    strategy = next(
        value()
        for value in defined.values()
        if inspect.isclass(value) and issubclass(value, Strategy) and value is not Strategy
    )
    monkeypatch.setitem(STRATEGIES, strategy.name, strategy)
    return strategy


@pytest.mark.parametrize(
    ("check", "given"), CASES, ids=lambda value: getattr(value, "__name__", None) or "".join(value.values()) or "-"
)
def test_the_guides_strategy_keeps_the_contract(check, given, own, request):
    """The same checks as those that come with rig, on the code people copy."""
    wanted = inspect.signature(check).parameters
    fixtures = {name: request.getfixturevalue(name) for name in wanted if name not in ("strategy", *given)}
    check(strategy=own, **given, **fixtures)


def test_the_guides_strategy_is_short(code):
    """Blank lines apart."""
    assert sum(bool(line.strip()) for line in code.splitlines()) < MOST_LINES


def test_every_strategy_has_its_lines_in_the_documentation():
    """With the sequence of its cache operations, of the reader and of the writer."""
    for name in STRATEGIES:
        (section,) = re.findall(rf"^### {name}\n(.*?)(?=^#)", GUIDE, re.S | re.M)
        assert re.match(r" {4}reader: .*\n {4}writer: .*\n\S", section), name
