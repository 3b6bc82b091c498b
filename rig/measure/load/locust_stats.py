"""Feeds Locust's own statistics from batches of samples, with times that count from the intended start.

They are for the eye (table, charts of the web UI), never for figures: Locust rounds response times to two significant
digits before it computes percentiles. One event a request costs 10 µs, in a burst that makes the generator late; so
where only Locust itself listens to its ``request`` event, a batch is added up first. Anyone else's listener gets
every request.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import gevent
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from locust import stats
from locust.env import Environment
from locust.stats import StatsError
from numpy.typing import NDArray

from rig.model import Kind

_BREATH_S = 0.001
_AT_ONCE = 200
"""Events fired in one go before the loop may send and receive again."""
METHODS = {Kind.READ: "GET", Kind.WRITE: "POST"}


def feed(environment: Environment, batch: pa.RecordBatch) -> None:
    """Tell Locust of a batch of :data:`rig.samples.REQUESTS`."""
    if _others_listen(environment):
        _fire_each(environment, batch)
    else:
        _merge(environment, batch)


def _others_listen(environment: Environment) -> bool:
    # Locust has no public list of an event's listeners.
    return any(not handler.__module__.startswith("locust.") for handler in environment.events.request._handlers)


def _fire_each(environment: Environment, batch: pa.RecordBatch) -> None:
    columns = [batch[name].to_pylist() for name in ("kind", "path", "cause")]
    for number, (kind, path, cause, time_ms) in enumerate(zip(*columns, _response_ms(batch), strict=True), 1):
        environment.events.request.fire(
            request_type=METHODS[Kind(kind)],
            name=path,
            response_time=None if np.isnan(time_ms) else float(time_ms),
            response_length=0,
            exception=RuntimeError(cause) if cause else None,
            context={},
        )
        if number % _AT_ONCE == 0:
            gevent.sleep(_BREATH_S)


def _merge(environment: Environment, batch: pa.RecordBatch) -> None:
    kinds, paths, causes = (batch[name] for name in ("kind", "path", "cause"))
    times = _response_ms(batch)
    place = kinds.indices.to_numpy().astype(np.int32) * len(paths.dictionary) + paths.indices.to_numpy()
    table = environment.stats
    for key in np.unique(place):
        mine = place == key
        kind, path = divmod(int(key), len(paths.dictionary))
        name, method = paths.dictionary[path].as_py(), METHODS[Kind(kinds.dictionary[kind].as_py())]
        failures = _count(pc.filter(causes, pa.array(mine)))
        known = times[mine][~np.isnan(times[mine])]
        # By Locust's own function, looked up now: users may have put another in its place.
        rounded = Counter(map(stats.bucket_response_time, known[1:].tolist()))
        for entry in (table.total, table.get(name, method)):
            _add(entry, int(mine.sum()), known, rounded, failures.total())
        for cause, count in failures.items():
            error = RuntimeError(cause)
            key = StatsError.create_key(method, name, error)
            found = table.errors.setdefault(key, StatsError(method, name, error))
            found.occurrences += count


def _count(causes: pa.DictionaryArray) -> Counter[str]:
    """How many failed of each cause. Nearly always none did, and that must cost nothing."""
    if causes.null_count == len(causes):
        return Counter()
    return Counter({one["values"]: one["counts"] for one in causes.drop_null().value_counts().to_pylist()})


def _add(entry: Any, count: int, known: NDArray[np.float64], rounded: Counter[int], failures: int) -> None:
    """What ``StatsEntry.log`` and ``log_error`` do, for ``count`` requests at once, of which ``known`` have a time.

    ``rounded``: the times but the first, as Locust rounds them.
    """
    entry.log(float(known[0]) if known.size else None, 0)  # It also turns its clock on.
    now = int(time.time())
    entry.num_requests += count - 1
    entry.num_reqs_per_sec[now] += count - 1
    entry.num_none_requests += count - known.size - (0 if known.size else 1)
    if known.size:
        entry.total_response_time += float(known[1:].sum())
        entry.min_response_time = min(entry.min_response_time, float(known.min()))
        entry.max_response_time = max(entry.max_response_time, float(known.max()))
        for time_ms, times in rounded.items():
            entry.response_times[time_ms] += times
    entry.num_failures += failures
    entry.num_fail_per_sec[now] += failures


def _response_ms(batch: pa.RecordBatch) -> NDArray[np.float64]:
    done: NDArray[Any] = batch["done_s"].to_numpy(zero_copy_only=False)
    times: NDArray[np.float64] = (done - batch["intended_s"].to_numpy()) * 1000
    return times
