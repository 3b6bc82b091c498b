/** The live picture in words: totals, markers, visits, buckets, and the trials that have ended. */
import { element, tableOf } from "../report/page.js";
import { countText, figureText, instantText, msText } from "../report/words.js";
import { marksOf } from "./state.js";

const MOST_ROWS = 300;

/** @param {import("./state.js").Totals} totals */
export function totalsList(totals) {
  const failed = totals.failed ? `, ${countText(totals.failed)} failed` : "";
  const facts = [
    ["reads", `${countText(totals.reads)}${failed}`],
    ["median", msText(totals.median_ms)],
    ["p95", msText(totals.p95_ms)],
    ["slowest", msText(totals.slowest_ms)],
    ["visits", countText(totals.visits)],
    ["median LCP", msText(totals.lcp_median_ms)],
    ["slowest LCP", msText(totals.lcp_slowest_ms)],
    ["writes", countText(totals.writes)],
    ["stampedes", stampedesText(totals)],
  ];
  if (totals.not_shown) facts.push(["not drawn", `${countText(totals.not_shown)} visits and markers`]);
  return facts.map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text)));
}

/** @param {import("./state.js").Totals | Record<string, any>} totals */
function stampedesText(totals) {
  return totals.stampedes ? `${countText(totals.stampedes)}, peak ${countText(totals.peak)}` : countText(totals.stampedes);
}

/** @param {import("./state.js").LiveTrial} trial */
export function marksTable(trial) {
  const rows = ["stampede", "expiry", "write", "disturbance"]
    .flatMap((kind) => marksOf(trial, kind).map((one, n) => ({ ...one, title: kind === "stampede" ? `${kind} ${n + 1}` : kind })))
    .sort((a, b) => b.at_s - a.at_s)
    .map((one) => [
      one.title,
      one.text,
      one.cause ?? "",
      instantText(one.at_s),
      one.kind !== "stampede" ? "" : one.until_s === null ? "still open" : figureText(one.until_s - one.at_s, "s"),
      one.peak === null ? "" : countText(one.peak),
    ]);
  return listed(["what", "entry", "cause", "at", "lasted", "peak"], rows, 3, "Nothing marked yet.");
}

/** @param {import("./state.js").LiveTrial} trial */
export function visitsTable(trial) {
  const rows = trial.visits
    .toReversed()
    .map((visit) => [
      visit.path,
      visit.cache ?? "unknown",
      visit.outcome === "measured" ? visit.outcome : `${visit.outcome} (${visit.cause ?? "no cause given"})`,
      instantText(visit.at_s),
      msText(visit.lcp_ms),
    ]);
  return listed(["page", "cache", "outcome", "at", "LCP"], rows, 3, "No visit has ended yet.");
}

/** @param {import("./state.js").LiveTrial} trial */
export function bucketsTable(trial) {
  const { count, failed, max_ms, median_ms, recomputes } = trial.columns;
  const rows = count
    .slice(0, Math.ceil(trial.at_s / trial.bucket_s - 1e-6))
    .map((number, n) => [
      instantText(n * trial.bucket_s),
      countText(number),
      countText(failed[n]),
      msText(max_ms[n]),
      msText(median_ms[n]),
      countText(recomputes[n]),
    ])
    .reverse();
  return listed(["from", "reads", "failed", "slowest", "median", "recomputes open"], rows, 0, "Nothing measured yet.");
}

/** @param {Map<number, Record<string, any>>} ended */
export function endedTable(ended) {
  const rows = [...ended.values()]
    .sort((a, b) => b.number - a.number)
    .map((row) => [
      row.arm,
      endText(row),
      row.round === null ? "" : countText(row.round),
      countText(row.reads),
      countText(row.failed),
      msText(row.median_ms),
      msText(row.p95_ms),
      msText(row.slowest_ms),
      msText(row.lcp_median_ms),
      msText(row.lcp_slowest_ms),
      stampedesText(row),
    ]);
  const columns = ["strategy", "state", "round", "reads", "failed", "median", "p95", "slowest", "median LCP"];
  return tableOf([...columns, "slowest LCP", "stampedes"], rows, 2);
}

/** @param {Record<string, any>} row whether it was sound is judged after its end, if at all */
function endText({ error, marks }) {
  if (error) return `broke: ${error}`;
  if (!marks) return "ended";
  return marks.length ? `will not count: ${marks.join(", ")}` : "sound";
}

/** @param {string[]} columns @param {string[][]} rows @param {number} texts @param {string} none */
function listed(columns, rows, texts, none) {
  if (!rows.length) return element("p", { class: "missing" }, none);
  const table = tableOf(columns, rows.slice(0, MOST_ROWS), texts);
  if (rows.length > MOST_ROWS)
    table.prepend(element("caption", {}, `The latest ${countText(MOST_ROWS)} of ${countText(rows.length)}.`));
  return table;
}
