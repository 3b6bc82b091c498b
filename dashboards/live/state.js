/**
 * What the server has told so far. The trial has the shape of a report's trial, so the report's charts draw it.
 *
 * @typedef {{kind: string, at_s: number, until_s: number | null, text: string, peak: number | null,
 *   cause: string | null, recomputes: number | null, hot: boolean}} Marker
 * @typedef {Record<string, number | null>} Totals
 * @typedef {{number: number, round: number | null, arm: string, of: number, window_s: number, bucket_s: number,
 *   fresh: boolean, at_s: number, ended: boolean, totals: Totals, markers: Marker[],
 *   visits: import("../report/page.js").Visit[], buckets: Record<string, (number | null)[]>}} TrialDelta
 * @typedef {{feed: number, revision: number, facts: Record<string, any> | null, trial: TrialDelta | null,
 *   ended: Record<string, any>[]}} Delta
 * @typedef {TrialDelta & {marks: Map<string, Marker>, columns: Record<string, (number | null)[]>}} LiveTrial
 * @typedef {{feed: number, facts: Record<string, any>, arms: string[], trial: LiveTrial | null,
 *   ended: Map<number, Record<string, any>>}} State
 */

const COLUMNS = ["max_ms", "median_ms", "count", "failed", "recomputes"];

/** @param {Delta} first @returns {State} */
export function stateOf(first) {
  return merged({ feed: first.feed, facts: {}, arms: [], trial: null, ended: new Map() }, first);
}

/** @param {State} state @param {Delta} delta @returns {State} the same state, changed */
export function merged(state, delta) {
  if (delta.facts) {
    state.facts = delta.facts;
    state.arms = [...(delta.facts.arms ?? [])];
  }
  if (delta.trial) {
    if (!state.arms.includes(delta.trial.arm)) state.arms.push(delta.trial.arm);
    state.trial = mergedTrial(state.trial, delta.trial);
  }
  for (const row of delta.ended) state.ended.set(row.number, row);
  return state;
}

/** @param {LiveTrial | null} known @param {TrialDelta} delta @returns {LiveTrial} */
function mergedTrial(known, delta) {
  const kept = delta.fresh ? null : known;
  const columns = kept?.columns ?? Object.fromEntries(COLUMNS.map((name) => [name, []]));
  delta.buckets.number.forEach((at, n) => {
    for (const name of COLUMNS) columns[name][/** @type {number} */ (at)] = delta.buckets[name][n];
  });
  const marks = kept?.marks ?? new Map();
  for (const marker of delta.markers) marks.set(`${marker.kind} ${marker.at_s} ${marker.text}`, marker);
  return { ...delta, columns, marks, visits: [...(kept?.visits ?? []), ...delta.visits] };
}

/** @param {LiveTrial} trial @param {string} kind @returns {Marker[]} in order of time */
export function marksOf(trial, kind) {
  return [...trial.marks.values()].filter((one) => one.kind === kind).sort((a, b) => a.at_s - b.at_s);
}

/**
 * The trial as the report has it, up to now: what is not yet measured is not there.
 * @param {State} state @param {LiveTrial} trial
 */
export function reportTrial(state, trial) {
  const known = Math.max(1, Math.ceil(trial.at_s / trial.bucket_s - 1e-6));
  const column = (/** @type {string} */ name) => trial.columns[name].slice(0, known);
  const writes = marksOf(trial, "write");
  return {
    arm: state.arms.indexOf(trial.arm),
    round: trial.round ?? 0,
    kept_out: [],
    max_ms: column("max_ms"),
    median_ms: column("median_ms"),
    count: /** @type {number[]} */ (column("count")),
    failed: /** @type {number[]} */ (column("failed")),
    recomputes: /** @type {number[]} */ (column("recomputes")),
    recomputes_hot: [],
    stampedes: marksOf(trial, "stampede").map((one) => ({
      entry: one.text,
      cause: one.cause ?? "unknown",
      begin_s: one.at_s,
      end_s: Math.min(trial.window_s, one.until_s ?? trial.at_s),
      peak: one.peak ?? 0,
      recomputes: one.recomputes ?? 0,
    })),
    writes_hot: writes.filter((one) => one.hot).map((one) => one.at_s),
    writes_other: writes.filter((one) => !one.hot).map((one) => one.at_s),
    expiries: marksOf(trial, "expiry").map((one) => one.at_s),
    disturbances: marksOf(trial, "disturbance").map((one) => ({ kind: one.text, begin_s: one.at_s, end_s: one.until_s })),
    visits: trial.visits,
  };
}
