"""URLs of hosts whose names are not ASCII, or are none."""

from __future__ import annotations

import pytest

from rig.measure.address import authority, is_loopback, own_address_towards, parse_site, require_allowed
from rig.measure.load.client import prepare
from rig.measure.load.site import Site
from rig.model import InfrastructureError, UsageError

UMLAUT = "http://Käse.example:8000/p"


def test_a_host_goes_over_the_wire_in_ascii():
    """As a browser asks for it: a server compares the header with names of that form."""
    assert parse_site(UMLAUT) == ("http", "xn--kse-qla.example", 8000)
    assert b"\r\nHost: xn--kse-qla.example:8000\r\n" in prepare("GET", UMLAUT, {})
    assert [authority(url) for url in ("https://[::1]:1/", "http://[::1]/", "http://a.b:80", "http://a.b")] == [
        *("[::1]:1", "[::1]", "a.b:80", "a.b"),
    ]


@pytest.mark.parametrize("host", ["käse.example", "xn--kse-qla.example"])
def test_a_host_is_allowed_by_either_spelling(host, monkeypatch):
    monkeypatch.setattr("rig.measure.address.is_loopback", lambda host: False)
    require_allowed(UMLAUT, [host])
    with pytest.raises(UsageError, match="--allow-host xn--kse-qla"):
        require_allowed(UMLAUT, ["other.example"])


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.example", f"{'ä' * 64}.example"])
def test_a_malformed_host_is_a_sentence_not_a_traceback(host):
    for use in (parse_site, Site, lambda url: require_allowed(url, ())):
        with pytest.raises(UsageError, match="not a URL"):
            use(f"http://{host}/")
    assert not is_loopback(host)
    with pytest.raises(InfrastructureError, match="nobody answers there"):
        own_address_towards(f"ws://{host}:9222/")
