"""The freshness table says of what a zero is a zero."""

from __future__ import annotations

import pytest

from rig.report.tables import freshness_table


def cell(column, **staleness):
    table = freshness_table({"arm": {"staleness": staleness}})
    # Units keep to their figures by a space that does not break.
    return table.rows[0][table.columns.index(column)].replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"stale": 0, "opportunities": 600, "tested": True, "stale_ratio_upper": 0.005}, "0 of 600 (< 0.5 %)"),
        ({"stale": 0, "opportunities": 12, "tested": False}, "not tested (12 reads could have been stale)"),
        ({"reads": 1000, "stale": 180, "opportunities": 900, "tested": True, "stale_ratio_upper": None}, "180 (18 %)"),
        ({}, "not measured"),
    ],
)  # fmt: skip
def test_no_stale_read_is_told_with_its_chances(facts, says):
    """0 of n bounds the share by 3/n; from too few chances nothing follows."""
    assert cell("stale", **facts) == says


@pytest.mark.parametrize(
    ("views", "chances", "says"),
    [(0, 300, "0 of 300 writes (< 1 %)"), (0, 29, "not tested"), (4, 29, "4"), (None, 0, "not measured")],
)
def test_no_torn_view_is_told_with_its_chances(views, chances, says):
    assert cell("torn views", torn_views=views, torn_opportunities=chances) == says


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"persistent": 0}, "0"),
        ({"persistent": 2, "persistent_ttl_max_s": 3.2, "persistent_unbounded": 0}, "2, up to 3.2 s more"),
        ({"persistent": 2, "persistent_ttl_max_s": 3.2, "persistent_unbounded": 1}, "2, for ever"),
        ({"persistent": None}, "not measured"),
    ],
)
def test_what_is_still_stale_is_told_with_how_long_it_would_stay(facts, says):
    """A short time to live heals soon; no time to live never does."""
    assert cell("still stale at the end", **facts) == says
