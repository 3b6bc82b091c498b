/** What can be taken away of each chart: columns and rows, straight from what the chart draws. */
import { csvOf, download } from "./csv.js";

/** @typedef {import("./csv.js").Cell} Cell */
/** @typedef {import("./page.js").Data} Data */
/** @typedef {import("./page.js").Trial} Trial */

/** @type {Record<string, (data: Data) => {columns: string[], rows: Cell[][]}>} */
export const SHEETS = {
  timelines: (data) => ({
    columns: ["strategy", "round", "in_figures", "from_s", "reads", "failed", "slowest_ms", "median_ms"].concat(
      ["recomputes_open", "recomputes_open_hot"],
    ),
    rows: perBucket(data, (trial, n) => [
      trial.count[n],
      trial.failed[n],
      trial.max_ms[n],
      trial.median_ms[n],
      trial.recomputes[n],
      trial.recomputes_hot[n],
    ]),
  }),
  stampedes: (data) => ({
    columns: ["strategy", "round", "in_figures", "number", "entry", "cause", "begin_s", "end_s", "peak", "recomputes"].concat(
      ["capped", "expected_alone", "expected_in_herd", "cpu_s", "db_s", "wasted", "requests_met", "response_p95_ms"],
    ),
    rows: perTrial(data, (trial) =>
      trial.stampedes.map(({ entry, cause, begin_s, end_s, peak, recomputes, cost }, n) => [
        ...[n + 1, entry, cause, begin_s, end_s, peak, recomputes],
        ...[cost?.capped, cost?.predicted_alone, cost?.predicted_in_herd, cost?.cpu_s, cost?.db_s, cost?.wasted],
        ...[cost?.requests, cost?.response_p95_ms],
      ]),
    ),
  }),
  events: (data) => ({
    columns: ["strategy", "round", "in_figures", "event", "begin_s", "end_s"],
    rows: perTrial(data, (trial) => [
      ...trial.writes_hot.map((at_s) => ["write of the hot entry", at_s, at_s]),
      ...trial.writes_other.map((at_s) => ["other write", at_s, at_s]),
      ...trial.expiries.map((at_s) => ["expiry of the hot entry", at_s, at_s]),
      ...trial.disturbances.map(({ kind, begin_s, end_s }) => [kind, begin_s, end_s]),
    ]),
  }),
  visits: (data) => ({
    columns: ["strategy", "round", "in_figures", "at_s", "path", "outcome", "cause", "cache", "stampede", "lcp_ms"].concat(
      Object.keys(data.part_titles).map((part) => `${part}_ms`),
    ),
    rows: perTrial(data, (trial) =>
      trial.visits.map((visit) => [
        ...[visit.at_s, visit.path, visit.outcome, visit.cause, visit.cache],
        ...[visit.stampede === null ? null : visit.stampede + 1, visit.lcp_ms],
        ...(visit.parts_ms ?? Object.keys(data.part_titles).map(() => null)),
      ]),
    ),
  }),
  freshness: (data) => ({
    columns: ["strategy", "round", "in_figures", "from_s", "reads_judged", "stale", "oldest_s"],
    rows: perBucket(data, (trial, n) => [trial.judged[n], trial.stale[n], trial.oldest_s[n]]),
  }),
  tradeoff: (data) => ({
    columns: ["strategy", "lcp_worst_5_percent_ms", "oldest_s", "origin_share", "beaten_on_all_by"],
    rows: data.pareto.map((one) => [
      ...[one.label, one.lcp_worst_ms, one.oldest_s, one.origin_share],
      one.dominated_by.join(" "),
    ]),
  }),
};

/** @param {Data} data @param {(trial: Trial) => Cell[][]} rows */
function perTrial(data, rows) {
  return data.trials.flatMap((trial) =>
    rows(trial).map((row) => [data.arms[trial.arm].label, trial.round, !trial.kept_out.length, ...row]),
  );
}

/** @param {Data} data @param {(trial: Trial, bucket: number) => Cell[]} row */
function perBucket(data, row) {
  // Sums like 3 × 0.1 s end in digits nobody measured.
  const from_s = (/** @type {number} */ n) => Math.round(n * data.bucket_s * 1000) / 1000;
  return perTrial(data, (trial) => trial.count.map((_, n) => [from_s(n), ...row(trial, n)]));
}

/** @param {Data} data @param {string} run its name begins the names of the files */
export function startDownloads(data, run) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("button[data-csv]"))) {
    const name = button.dataset.csv ?? "";
    button.addEventListener("click", () => {
      const { columns, rows } = SHEETS[name](data);
      download(`${run}-${name}.csv`, csvOf(columns, rows));
    });
  }
}
