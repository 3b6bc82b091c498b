/** Numbers as words, in the same manner as the page's own text: three digits, a unit, "not measured". */

export const NOT_MEASURED = "not measured";
const THREE_DIGITS = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
const WHOLE = new Intl.NumberFormat("en-US");

/**
 * @param {number | null | undefined} value
 * @param {string} unit
 */
export function figureText(value, unit) {
  if (value === null || value === undefined) return NOT_MEASURED;
  return unit ? `${THREE_DIGITS.format(value)}\u00a0${unit}` : THREE_DIGITS.format(value);
}

/** @param {number | null | undefined} value */
export const msText = (value) => figureText(value, "ms");

/** @param {number | null | undefined} value */
export function countText(value) {
  return value === null || value === undefined ? NOT_MEASURED : WHOLE.format(value);
}

/** An instant of the trial: one place more than the buckets are wide. @param {number} at_s */
export const instantText = (at_s) => `${at_s.toFixed(2)}\u00a0s`;

/** The label of a logarithmic axis of milliseconds. @param {number} value_ms */
export function axisText(value_ms) {
  return value_ms >= 1000 ? `${THREE_DIGITS.format(value_ms / 1000)} s` : `${THREE_DIGITS.format(value_ms)} ms`;
}

/**
 * The quantile of sorted values by linear interpolation, as the tables have it.
 * @param {number[]} sorted @param {number} share
 */
export function quantileOf(sorted, share) {
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}
