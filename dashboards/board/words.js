/** What the list and the charts say in the same words. */
import { element } from "../report/page.js";

/**
 * @typedef {{name: string, grade: string | null}} ListedStrategy
 * @typedef {{name: string | null, kind: string | null, verdict: string | null, value: number | null, lower: number | null,
 *   upper: number | null, margin: number | null, mde: number | null}} GateMetric
 * @typedef {{baseline: string | null, candidate: string | null, launches: number | null, seconds: number | null,
 *   reasons: string[], metrics: GateMetric[]}} Gate
 * @typedef {{name: string, kind: "run" | "gate" | "damaged", state: string, created: string | null, reason: string | null,
 *   profile: string | null, seed: number | null, commit: string | null, error: string | null, valid: boolean | null,
 *   analysed: boolean, report: boolean, strategies: ListedStrategy[], gate: Gate | null}} Run
 */

const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/** @param {string | null} created */
export const dateText = (created) => (created ? DATE.format(new Date(created)) : "date unknown");

/** @param {string | null} created */
export const dayText = (created) => (created ? DAY.format(new Date(created)) : "");

/** What a run may be filtered by, as [value, words]; the words stand in the list, too. */
export const STATES = /** @type {const} */ ({
  valid: ["good", "✓ valid"],
  "not-valid": ["bad", "✗ not valid"],
  running: ["plain", "● running"],
  interrupted: ["ok", "! interrupted"],
  failed: ["bad", "✗ failed"],
  "not-analysed": ["plain", "◌ not analysed"],
  damaged: ["bad", "✗ damaged"],
});

/** @param {Run} run @returns {keyof typeof STATES} */
export function stateOf(run) {
  if (run.kind === "damaged") return "damaged";
  if (run.state === "running" || run.state === "interrupted" || run.state === "failed") return run.state;
  if (run.valid === null) return "not-analysed";
  return run.valid ? "valid" : "not-valid";
}

/** @param {string} name */
export const reportAddress = (name) => `runs/${encodeURIComponent(name)}/report`;

/** Of many links of one word each says to a screen reader whose it is. @param {Run} run @param {string} words */
export const reportLink = (run, words) =>
  element("a", { href: reportAddress(run.name) }, words, element("span", { class: "hidden" }, ` of ${run.name}`));
