"""Networks a page can be visited through, by DevTools' ``Network.emulateNetworkConditions``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What is added to each request, and the most that goes through. ``source``: whose figures these are.

    Chromium adds the latency behind the first byte: ``responseStart``, and so TTFB, does not contain it.
    """

    latency_ms: float
    down_kbps: float
    up_kbps: float
    source: str


_DEVTOOLS = "Chrome DevTools' preset: a nominal network, latency and throughput adjusted as DevTools does"
_WEBPAGETEST = "WebPageTest's connectivity profile, its round-trip time as latency"

NETWORKS = {
    # 500 kbit/s and 400 ms nominal; × 0.8 and × 5.
    "slow-3g": Network(latency_ms=2000, down_kbps=400, up_kbps=400, source=_DEVTOOLS),
    # 1.6 Mbit/s, 750 kbit/s and 150 ms nominal; × 0.9 and × 3.75. DevTools calls it Slow 4G by now.
    "fast-3g": Network(latency_ms=562.5, down_kbps=1440, up_kbps=675, source=_DEVTOOLS),
    # Fast 4G: 9 Mbit/s, 1.5 Mbit/s and 60 ms nominal; × 0.9 and × 2.75.
    "4g": Network(latency_ms=165, down_kbps=8100, up_kbps=1350, source=_DEVTOOLS),
    "dsl": Network(latency_ms=50, down_kbps=1500, up_kbps=384, source=_WEBPAGETEST),
    "cable": Network(latency_ms=28, down_kbps=5000, up_kbps=1000, source=_WEBPAGETEST),
}
