/** The ledger of stampedes and the data table of one round. Built when opened: they can be long. */
import { element, longTable, tableOf } from "./page.js";
import { countText, figureText, instantText, msText, NOT_MEASURED, quantileOf } from "./words.js";

/**
 * @param {import("./page.js").Data} data @param {number} round
 * @param {import("./page.js").Selection | null} selection
 * @param {(chosen: import("./page.js").Selection) => void} choose
 */
export function ledgerTable(data, round, selection, choose) {
  /** @type {(string | Node)[][]} */
  const rows = [];
  let current = -1;
  for (const trial of ofRound(data, round)) {
    trial.stampedes.forEach((one, number) => {
      if (selection?.arm === trial.arm && selection.round === round && selection.stampede === number)
        current = rows.length;
      rows.push(ledgerRow(data, trial, one, number, choose));
    });
  }
  if (!rows.length) return element("p", {}, "No stampede in this round.");
  const columns = [
    "strategy",
    "no.",
    "entry",
    "cause",
    "began at",
    "lasted",
    "recomputes at once",
    "requests met",
    "their p95",
    "visits met",
    "their median LCP",
    "explained below",
    "recomputes",
    "wasted",
    "expected: alone → in the herd",
    "CPU",
    "database",
    "who met it",
  ];
  const table = tableOf(columns, rows, 4);
  if (current >= 0) table.querySelectorAll("tbody tr")[current].setAttribute("aria-current", "true");
  return table;
}

/**
 * @param {import("./page.js").Data} data @param {import("./page.js").Trial} trial @param {import("./page.js").Stampede} one
 * @param {number} number @param {(chosen: import("./page.js").Selection) => void} choose
 */
function ledgerRow(data, trial, one, number, choose) {
  const { label } = data.arms[trial.arm];
  const met = trial.visits.filter((visit) => visit.stampede === number);
  const lcp = met
    .flatMap((visit) => (visit.lcp_ms === null || visit.outcome !== "measured" ? [] : [visit.lcp_ms]))
    .sort((a, b) => a - b);
  const button = element(
    "button",
    { type: "button", "aria-label": `no. ${number + 1}: show stampede ${number + 1} of ${label}` },
    `no. ${number + 1}`,
  );
  button.addEventListener("click", () => choose({ arm: trial.arm, round: trial.round, stampede: number }));
  return [
    label,
    button,
    one.entry,
    one.cause,
    instantText(one.begin_s),
    msText((one.end_s - one.begin_s) * 1000),
    `${countText(one.peak)}${one.cost?.capped ? " (all threads)" : ""}`,
    one.cost ? countText(one.cost.requests) : NOT_MEASURED,
    one.cost ? msText(one.cost.response_p95_ms) : NOT_MEASURED,
    countText(met.length),
    lcp.length ? msText(quantileOf(lcp, 0.5)) : met.length ? NOT_MEASURED : "no visit",
    explained(data, trial, number, choose),
    countText(one.recomputes),
    ...costCells(one.cost),
  ];
}

/** What it cost; a stampede of the warm-up or of a trial kept out has no figures. @param {import("./page.js").Cost | null} cost */
function costCells(cost) {
  if (!cost) return [...Array(4).fill(NOT_MEASURED), ""];
  return [
    countText(cost.wasted),
    `${figureText(cost.predicted_alone, "")} → ${figureText(cost.predicted_in_herd, "")}`,
    figureText(cost.cpu_s, "s"),
    figureText(cost.db_s, "s"),
    cost.who,
  ];
}

/**
 * Links to the slowest visits that met a stampede; empty where none of them did.
 * @param {import("./page.js").Data} data @param {import("./page.js").Trial} trial @param {number} number
 * @param {(chosen: import("./page.js").Selection) => void} choose
 */
function explained(data, trial, number, choose) {
  const mine = data.slowest.filter(
    ({ arm, round, stampede }) => arm === trial.arm && round === trial.round && stampede === number,
  );
  const found = element("span", {});
  for (const { id, lcp_ms } of mine) {
    const link = element("a", { href: `#${id}` }, `visit of ${msText(lcp_ms)}`);
    // Where another stampede is chosen, or its fold is closed, the visit could not be seen.
    link.addEventListener("click", () => choose({ arm: trial.arm, round: trial.round, stampede: number }));
    found.append(link, " ");
  }
  return found;
}

/** @param {import("./page.js").Data} data @param {number} round */
export function bucketTable(data, round) {
  const rows = ofRound(data, round).flatMap((trial) =>
    trial.count.map((count, n) => [
      data.arms[trial.arm].label,
      instantText(n * data.bucket_s),
      countText(count),
      countText(trial.failed[n]),
      msText(trial.max_ms[n]),
      msText(trial.median_ms[n]),
      countText(trial.recomputes[n]),
    ]),
  );
  return longTable(["strategy", "from", "reads", "failed", "slowest", "median", "recomputes open"], rows);
}

/** The trials of a round in the order of the page. @param {import("./page.js").Data} data @param {number} round */
function ofRound(data, round) {
  return data.trials.filter((trial) => trial.round === round).sort((one, other) => one.arm - other.arm);
}
