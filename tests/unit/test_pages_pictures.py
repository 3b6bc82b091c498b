"""Which visits are pictured, and which pictures stay."""

from __future__ import annotations

from pathlib import Path

from rig.measure.pages.pictures import SLOWEST, Pictures
from rig.measure.pages.protocol import Order


def visit(pictures: Pictures, number: int, lcp_ms: float, outcome: str = "measured") -> Path | None:
    """A visit the browser pictured, as its order asked."""
    order = asked(pictures, number)
    Path(order.screenshot or "").write_bytes(b"jpeg")
    return pictures.keep({"screenshot": order.screenshot, "lcp_ms": lcp_ms, "outcome": outcome}, number)


def asked(pictures: Pictures, number: int) -> Order:
    return pictures.asked_of(Order(id=number, url="http://127.0.0.1/", headers={}, deadline_s=1))


def test_the_slowest_stay(tmp_path: Path) -> None:
    """Every visit is pictured until there are three; then only those above the fastest kept, whose picture goes."""
    pictures = Pictures(tmp_path / "new" / "folder")
    for number, lcp_ms in enumerate([100, 300, 200]):
        assert asked(pictures, 90 + number).screenshot_above_ms is None
        assert visit(pictures, number, lcp_ms) == tmp_path / "new" / "folder" / f"{number}.jpg"
    assert asked(pictures, 99).screenshot_above_ms == 100
    assert visit(pictures, 3, 250)
    assert asked(pictures, 99).screenshot_above_ms == 200
    assert sorted(file.name for file in (tmp_path / "new" / "folder").iterdir()) == ["1.jpg", "2.jpg", "3.jpg"]


def test_one_asked_for_in_vain_is_not_kept(tmp_path: Path) -> None:
    """With several pages open slower visits may end first; and what does not count is no slowest visit."""
    pictures = Pictures(tmp_path)
    for number in range(SLOWEST):
        visit(pictures, number, 500 + number)
    assert visit(pictures, 7, 100) is None
    assert visit(pictures, 8, 9000, outcome="failed") is None
    assert pictures.keep({"screenshot": None, "lcp_ms": 9000, "outcome": "measured"}, 9) is None
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0.jpg", "1.jpg", "2.jpg"]
