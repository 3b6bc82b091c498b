"""The claims of the page this project began with, each put to its test on the figures of one run.

Claims are data (``claims.toml``); tests are pure functions over a summary, so the same run gives the same answers.
What a run cannot show is *not tested*; what its rounds leave open is *undecided*.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rig.analysis import claim_freshness, claim_load, claim_pages
from rig.analysis.claim_case import NOT_TESTED, RESULTS, Case, Outcome, UntestedError

FILE = Path(__file__).with_name("claims.toml")

TESTS: dict[str, Callable[..., Outcome]] = {
    test.__name__: test
    for test in (
        claim_freshness.fresh_after_writes,
        claim_freshness.less_stale,
        claim_freshness.stale_until_timeout,
        claim_freshness.stale_beyond_budget,
        claim_freshness.fresh_later,
        claim_freshness.consistent,
        claim_freshness.acts_on_writes,
        claim_load.graded,
        claim_load.no_expiry_spikes,
        claim_load.expiry_herds,
        claim_load.calls_add_load,
        claim_load.fewer_calls,
        claim_load.little_overhead,
        claim_load.never_recomputes,
        claim_load.to_be_avoided,
        claim_load.empty_value_is_kept,
        claim_load.status_is_told,
        claim_load.misses_take_longer,
        claim_pages.slows_pages,
        claim_pages.doubles_lcp,
        claim_pages.response_delays_rendering,
        claim_pages.server_is_bottleneck,
        claim_pages.same_page,
        claim_pages.paint_differs,
    )
}


@cache
def listed_claims() -> tuple[Mapping[str, Any], ...]:
    """The claims as their file has them: ``id``, ``where``, ``sentence``, ``test``, and ``told``, what it is told."""
    return tuple(tomllib.loads(FILE.read_text(encoding="utf-8"))["claim"])


def claims(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``[{"id", "where", "sentence", "result", "figure", "conditions", "test"}]`` for a summary; all "not tested" where
    the run is not valid.
    """
    case = Case(summary)
    return [_tested(case, claim, bool(summary["valid"])) for claim in listed_claims()]


def tally(found: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many came out as each of the results, in their order."""
    numbers = Counter(str(claim["result"]) for claim in found)
    return {result: numbers[result] for result in RESULTS}


def _tested(case: Case, claim: Mapping[str, Any], valid: bool) -> dict[str, Any]:
    outcome = _outcome(case, claim) if valid else Outcome(NOT_TESTED, "This run is not valid.")
    return {
        **{name: claim[name] for name in ("id", "where", "sentence")},
        "result": outcome.result,
        "figure": outcome.figure,
        "conditions": outcome.conditions,
        "test": claim["test"],
    }


def _outcome(case: Case, claim: Mapping[str, Any]) -> Outcome:
    try:
        return TESTS[claim["test"]](case, **claim.get("told", {}))
    except UntestedError as why:
        return Outcome(NOT_TESTED, str(why))
