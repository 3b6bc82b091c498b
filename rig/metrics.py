"""Metrics as data: name, unit, direction, and the field's thresholds where there are any.

Web-Vitals thresholds: https://web.dev/articles/defining-core-web-vitals-thresholds (p75 of field data; on
loopback they are lab values: differences are to be read, not bands).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure rig prints. ``good_max`` is still good, anything above ``poor_min`` is poor."""

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher"]
    good_max: float | None = None
    poor_min: float | None = None

    def band(self, value: float | None) -> Literal["good", "needs improvement", "poor"] | None:
        """The Web-Vitals band of ``value``; None where there is no value or no threshold."""
        if value is None or self.good_max is None or self.poor_min is None:
            return None
        if value <= self.good_max:
            return "good"
        return "needs improvement" if value <= self.poor_min else "poor"


LCP = Metric(name="lcp_ms", title="Largest Contentful Paint", unit="ms", better="lower", good_max=2500, poor_min=4000)
TTFB = Metric(name="ttfb_ms", title="Time to First Byte", unit="ms", better="lower", good_max=800, poor_min=1800)
FCP = Metric(name="fcp_ms", title="First Contentful Paint", unit="ms", better="lower", good_max=1800, poor_min=3000)
CLS = Metric(name="cls", title="Cumulative Layout Shift", unit="", better="lower", good_max=0.1, poor_min=0.25)
INP = Metric(name="inp_ms", title="Interaction to Next Paint", unit="ms", better="lower", good_max=200, poor_min=500)
RESPONSE = Metric(name="response_ms", title="Response time", unit="ms", better="lower")
SERVICE = Metric(name="service_ms", title="Service time", unit="ms", better="lower")
SLIP = Metric(name="slip_ms", title="Generator slip", unit="ms", better="lower")

METRICS = {m.name: m for m in (LCP, TTFB, FCP, CLS, INP, RESPONSE, SERVICE, SLIP)}
