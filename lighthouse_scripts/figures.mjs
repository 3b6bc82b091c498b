/** Figures of one audit, and of several: pure functions. */

/** Every figure; null where Lighthouse has none. @typedef {Record<string, number | null>} Figures */

/** @param {any} lhr a Lighthouse result @returns {Figures} */
export function figures(lhr) {
  const timing = lhr.audits?.metrics?.details?.items?.[0] ?? {};
  const number = (/** @type {unknown} */ value) => (Number.isFinite(value) ? /** @type {number} */ (value) : null);
  return {
    lcp_ms: number(timing.largestContentfulPaint),
    observed_lcp_ms: number(timing.observedLargestContentfulPaint),
    fcp_ms: number(timing.firstContentfulPaint),
    ttfb_ms: number(timing.timeToFirstByte),
    server_response_ms: number(lhr.audits?.["server-response-time"]?.numericValue),
    speed_index_ms: number(timing.speedIndex),
    tbt_ms: number(timing.totalBlockingTime),
    cls: number(timing.cumulativeLayoutShift),
    performance_score: number(lhr.categories?.performance?.score),
  };
}

export const NAMES = Object.keys(figures({}));

/**
 * Median and spread of each figure over audits; a figure that none of them has is null throughout.
 * @param {Figures[]} audits
 */
export function summarise(audits) {
  return Object.fromEntries(NAMES.map((name) => [name, spread(audits.map((audit) => audit[name]))]));
}

/**
 * iqr: distance of the quartiles (linear interpolation); null below four values, where it says nothing.
 * @param {(number | null)[]} values
 */
export function spread(values) {
  const known = /** @type {number[]} */ (values.filter((value) => value !== null)).sort((a, b) => a - b);
  return {
    count: known.length,
    median: quantile(known, 0.5),
    min: known[0] ?? null,
    max: known.at(-1) ?? null,
    iqr: known.length < 4 ? null : /** @type {number} */ (quantile(known, 0.75)) - /** @type {number} */ (quantile(known, 0.25)),
  };
}

/** @param {number[]} sorted @param {number} share */
function quantile(sorted, share) {
  if (!sorted.length) return null;
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * The number of the audit in the middle by LCP, the lower one of two: the one whose report is worth looking at.
 * @param {{run: number, lcp_ms: number | null}[]} audits
 */
export function medianRun(audits) {
  const known = audits.filter((audit) => audit.lcp_ms !== null);
  const sorted = known.sort((a, b) => /** @type {number} */ (a.lcp_ms) - /** @type {number} */ (b.lcp_ms) || a.run - b.run);
  return sorted.length ? sorted[Math.floor((sorted.length - 1) / 2)].run : null;
}
