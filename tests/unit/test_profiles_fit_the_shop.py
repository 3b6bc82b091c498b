"""The profiles speak of pages, entries and writes that the sample shop has."""

from __future__ import annotations

import pytest

from rig.measure.planning import refuse_unoffered
from rig.plan.disturbance import KINDS
from rig.plan.profile import load_profile, profile_names
from target_app.shop.catalogue import scopes
from target_app.shop.entries import path_of
from target_app.shop.measured import writes

PROFILES = [load_profile(name) for name in profile_names()]
each_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda one: one.name)


@each_profile
def test_every_page_read_or_visited_shows_the_entry_named_for_it(profile):
    """A wrong name would be warmed in vain, and its reads judged by another entry's commits."""
    assert set(profile.visits) <= set(profile.reads) == set(profile.entries)
    for path, entry in profile.entries.items():
        assert entry in scopes()
        assert path_of(entry) == path


@each_profile
def test_every_write_has_the_fan_out_the_shop_declares(profile):
    """K of the form behind hot and other writes, and of each group."""
    declared = {write["path"]: write for write in writes()}
    for path in profile.write_forms.values():
        assert declared[path]["dependents"] == profile.dependents
    for group in profile.write_groups:
        assert set(group.fields) == set(declared[group.path]["form"])
    refuse_unoffered(profile, {"writes": writes(), "disturbances": [kind.asks for kind in KINDS.values()]})


def test_the_bursts_reach_pages_that_are_read():
    """A burst of K = 10 of which nobody reads an entry would show nothing."""
    profile = load_profile("write-burst")
    declared = {write["path"]: set(write["entries"]) for write in writes()}
    read = set(profile.entries.values())
    met = [len(declared[group.path] & read) for group in profile.write_groups]
    assert [group.dependents for group in profile.write_groups] == [1, 10, 100]
    assert met == [1, 10, len(read)]
