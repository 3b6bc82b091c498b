"""Samples, the only currency between measuring and analysing: the columns of the three tables of a trial.

All ``*_s`` columns are ``CLOCK_MONOTONIC`` seconds of the host the rig runs on, all ``*_ns`` columns the same
clock in nanoseconds as the target wrote them. A null means "not measured", never zero.
"""

from __future__ import annotations

import pyarrow as pa

REQUESTS = pa.schema(
    [
        # Position in the trial's schedule; unique in the trial.
        pa.field("index", pa.int32(), nullable=False),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string()), nullable=False),  # model.Kind
        pa.field("path", pa.dictionary(pa.int16(), pa.string()), nullable=False),
        pa.field("intended_s", pa.float64(), nullable=False),
        # Just before the first byte was sent; null: dropped before it was begun.
        pa.field("sent_s", pa.float64()),
        # Last byte read, or the deadline that ended it (cause timeout, drain); null: no response and no deadline.
        pa.field("done_s", pa.float64()),
        pa.field("status", pa.int16()),
        # Why it failed: 'status' (>= 400), 'timeout', 'drain', 'refused', 'reset', 'truncated', 'protocol',
        # 'connect', 'connect_timeout', 'tls', 'version', 'wrong_arm', 'dropped'; null: it did not.
        pa.field("cause", pa.dictionary(pa.int8(), pa.string())),
        # model.CacheStatus, or what else X-Cache said: up to a hundred words of each worker.
        pa.field("cache", pa.dictionary(pa.int16(), pa.string())),
        pa.field("content_version", pa.dictionary(pa.int32(), pa.string())),  # 'scope=int[, scope=int]'
        # Server-Timing 'total': time the server says it worked on the response.
        pa.field("server_total_ms", pa.float32()),
        # Which worker sent it; trial.json says which workers' clocks are another host's.
        pa.field("worker", pa.int16()),
    ]
)

PAGES = pa.schema(
    [
        pa.field("index", pa.int32(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("intended_s", pa.float64(), nullable=False),
        pa.field("started_s", pa.float64()),  # the browser was told to go; null: not begun (cause 'not_started')
        pa.field("navigation_s", pa.float64()),  # performance.timeOrigin on the monotonic clock
        pa.field("done_s", pa.float64()),  # the visit's figures were read back
        pa.field("outcome", pa.string(), nullable=False),  # model.VisitOutcome
        pa.field("cause", pa.string()),  # why it failed or starved
        pa.field("status", pa.int16()),
        pa.field("cache", pa.string()),
        pa.field("strategy", pa.string()),
        pa.field("content_version", pa.string()),
        pa.field("age_s", pa.int32()),
        pa.field("lcp_ms", pa.float64()),
        pa.field("ttfb_ms", pa.float64()),
        pa.field("load_delay_ms", pa.float64()),
        pa.field("load_duration_ms", pa.float64()),
        pa.field("render_delay_ms", pa.float64()),
        pa.field("fcp_ms", pa.float64()),
        pa.field("cls", pa.float64()),
        pa.field("inp_ms", pa.float64()),
        pa.field("element", pa.string()),
        pa.field("resource_url", pa.string()),
        # JSON list of {"name", "description", "duration_ms"} of the navigation's own Server-Timing.
        pa.field("server_timing", pa.string()),
        pa.field("server_total_ms", pa.float64()),
        pa.field("dom_nodes", pa.int32()),
        pa.field("layouts", pa.int32()),
        pa.field("style_recalcs", pa.int32()),
        # A visit to the control page, which no cache and no server of the target stands behind; in no figure of it.
        pa.field("control", pa.bool_()),
        # JSON list of {"url", "kind", "start_ms", "ttfb_ms", "end_ms", "bytes", "blocking"}, the document first;
        # milliseconds since the navigation began.
        pa.field("waterfall", pa.string()),
        # Picture of the page after it was measured, relative to the run directory; null: none was taken.
        pa.field("screenshot", pa.string()),
    ]
)

ORIGIN = pa.schema(
    [
        # 'recompute' (one origin computation), 'write' (one transaction), 'invalidate' (one call that removes
        # or bumps cache entries after a write).
        pa.field("event", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),  # unique in the run
        pa.field("pid", pa.int64(), nullable=False),
        pa.field("epoch", pa.int64(), nullable=False),
        pa.field("strategy", pa.string(), nullable=False),
        # recompute: the logical entry, e.g. 'product:7'; write and invalidate: null, see entries.
        pa.field("entry", pa.string()),
        # write and invalidate: the logical entries that depend on it.
        pa.field("entries", pa.list_(pa.string())),
        pa.field("begin_ns", pa.int64(), nullable=False),
        pa.field("end_ns", pa.int64()),  # null: never ended (killed while open)
        # recompute: 'stored', 'discarded', 'failed'; write: 'committed', 'rolled_back';
        # invalidate: 'delete', 'bump', 'mark'.
        pa.field("outcome", pa.string()),
        # recompute: version it was computed from; write: versions it made; 'scope=int[, scope=int]'.
        pa.field("versions", pa.string()),
        pa.field("ttl_s", pa.float64()),  # recompute that stored: time to live it was stored with
        pa.field("cpu_ms", pa.float64()),  # CPU time of the computing thread
        pa.field("db_ms", pa.float64()),
        pa.field("queries", pa.int32()),
        pa.field("commit_begin_ns", pa.int64()),  # write: just before COMMIT
        pa.field("commit_end_ns", pa.int64()),  # write: just after COMMIT returned
        pa.field("error", pa.string()),
        # What the cache held when the recompute began, if the strategy knows better than the event order: 'early'.
        pa.field("hint", pa.string()),
    ]
)

TABLES = {"requests": REQUESTS, "pages": PAGES, "origin": ORIGIN}
