/** Figures run by run: a row a strategy, LCP beside response time. */
import { draw, undraw } from "../report/charts.js";
import { byId, element, tableOf } from "../report/page.js";
import { msText } from "../report/words.js";
import { trendOption } from "./trend.js";
import { dateText, dayText, reportAddress } from "./words.js";

/**
 * @typedef {{value: number, lower: number | null, upper: number | null, expected_low: number | null,
 *   expected_high: number | null, before: number, factor: number | null, mark: string}} Point
 * @typedef {{name: string, hue: string, dash: number[], marker: string, figures: Record<string, (Point | null)[]>}} Strategy
 * @typedef {{name: string, created: string | null, commit: string | null, group: number}} RunOfHistory
 * @typedef {{profile: string, runs: RunOfHistory[], breaks: {at: number, facts: string[]}[], strategies: Strategy[],
 *   figures: Record<string, {title: string, unit: string}>, judged: number, left_out: number, fewest_before: number}} History
 */

/** Which figures a column can show, with the words of its buttons. @type {Record<string, Record<string, string>>} */
const COLUMNS = {
  "lcp-choice": { lcp_p75_ms: "LCP p75", lcp_outside_p50: "calm", lcp_inside_p50: "in a stampede" },
  "response-choice": { p95_ms: "p95", p50_ms: "median" },
};
/** @type {Record<string, string>} */
const chosen = { "lcp-choice": "lcp_p75_ms", "response-choice": "p95_ms" };
/** @type {History | null} */
let history = null;
/** What is far below is drawn when the reader comes near. @type {Map<Element, import("../report/charts.js").OptionMaker>} */
const waiting = new Map();
const nearing = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const make = waiting.get(target);
      if (!isIntersecting || !make) continue;
      waiting.delete(target);
      nearing.unobserve(target);
      open(/** @type {HTMLElement} */ (target), make);
    }
  },
  { rootMargin: "400px" },
);

export function startHistory() {
  for (const [id, figures] of Object.entries(COLUMNS)) {
    for (const [key, words] of Object.entries(figures)) {
      const button = element("button", { type: "button", "aria-pressed": String(chosen[id] === key), "data-figure": key }, words);
      button.addEventListener("click", () => {
        chosen[id] = key;
        for (const other of byId(id).querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
        if (history) showHistory(history);
      });
      byId(id).append(button);
    }
  }
  byId("history-table").addEventListener("toggle", fillTable);
}

/** @param {History} found */
export function showHistory(found) {
  history = found;
  for (const place of byId("charts").querySelectorAll(".trend-chart")) {
    undraw(/** @type {HTMLElement} */ (place));
    nearing.unobserve(place);
  }
  waiting.clear();
  byId("charts").replaceChildren(...found.strategies.map((strategy) => row(found, strategy)));
  byId("breaks").replaceChildren(...found.breaks.slice(-5).map(({ at, facts }) => element("li", {}, `Since ${dateText(found.runs[at].created)} other conditions: ${facts.join(", ")}`)));
  const shown = found.judged > found.runs.length ? `The last ${found.runs.length} of ${found.judged} runs are shown; all are judged. ` : "";
  const out = found.left_out ? `${found.left_out} ${found.left_out === 1 ? "run is" : "runs are"} left out: not valid, not analysed, or under way.` : "";
  byId("left-out").textContent = shown + out;
  byId("history-csv").setAttribute("href", `history.csv?${new URLSearchParams({ profile: found.profile })}`);
  fillTable();
}

/** @param {History} found @param {Strategy} strategy */
function row(found, strategy) {
  const figures = Object.values(chosen).map((key) => figure(found, strategy, key));
  return element("div", { class: "trend-row" }, element("h3", {}, strategy.name), ...figures);
}

/** @param {History} found @param {Strategy} strategy @param {string} key */
function figure(found, strategy, key) {
  const points = strategy.figures[key];
  const { title } = found.figures[key];
  if (!points.some((point) => point !== null)) {
    return element("figure", {}, element("figcaption", {}, title), element("div", { class: "trend-chart empty" }, "not measured"));
  }
  const place = element("div", { class: "trend-chart", role: "img", "aria-label": `${title} of ${strategy.name}, run by run; the figures are in the table below` });
  waiting.set(place, trendOption(found, strategy, key));
  nearing.observe(place);
  return element("figure", {}, element("figcaption", {}, `${title}: `, ...saying(found, points)), place);
}

/** @param {HTMLElement} place @param {import("../report/charts.js").OptionMaker} make */
function open(place, make) {
  const chart = draw(place, make);
  chart.on("click", (/** @type {any} */ hit) => hit.data?.run && location.assign(reportAddress(hit.data.run)));
}

/** The newest figure, and what became of it. @param {History} found @param {(Point | null)[]} points @returns {(Node | string)[]} */
function saying(found, points) {
  const at = points.findLastIndex((point) => point !== null);
  const newest = /** @type {Point} */ (points[at]);
  const changed = points.findLastIndex((point, n) => point?.mark === "change" && found.runs[n].group === found.runs[at].group);
  const when = at === points.length - 1 ? "in the newest run" : `on ${dayText(found.runs[at].created)}, not measured since`;
  const now = `${msText(newest.value)} ${when}`;
  if (newest.mark === "out of line") return [`${now}, `, moved(newest), ", one run out of line"];
  if (changed >= 0) return [`${now}; `, moved(/** @type {Point} */ (points[changed])), ` since ${dayText(found.runs[changed].created)}`];
  if (newest.mark === "too few runs before it") return [`${now}; too few before it to tell a change`];
  return [`${now}, no change shown`];
}

/** @param {Point} point */
export function movedText(point) {
  const factor = point.factor ?? 1;
  return `${factor > 1 ? "▲" : "▼"}\u00a0${Math.abs((factor - 1) * 100).toFixed(0)}\u00a0%`;
}

/** @param {Point} point */
function moved(point) {
  const up = (point.factor ?? 1) > 1;
  return element("span", { class: up ? "up" : "down" }, `${movedText(point)} ${up ? "slower" : "faster"}`);
}

/** The table is made while it is open only. */
function fillTable() {
  const details = /** @type {HTMLDetailsElement} */ (byId("history-table"));
  const place = /** @type {HTMLElement} */ (details.querySelector(".scroll"));
  place.replaceChildren(...(history && details.open ? [table(history)] : []));
}

/** @param {History} found */
function table(found) {
  const keys = Object.values(chosen);
  const columns = ["run", "strategy", ...keys.flatMap((key) => [found.figures[key].title, "expected", "judged"])];
  const rows = found.runs.flatMap((run, n) =>
    found.strategies
      .filter((strategy) => keys.some((key) => strategy.figures[key][n]))
      .map((strategy) => [
        element("a", { href: reportAddress(run.name), title: run.name }, dateText(run.created)),
        strategy.name,
        ...keys.flatMap((key) => cells(strategy.figures[key][n])),
      ]),
  );
  return tableOf(columns, rows.reverse(), 2);
}

/** @param {Point | null} point */
function cells(point) {
  if (!point) return ["not measured", "", ""];
  const rounds = point.lower === null ? "" : ` (${msText(Math.max(0, point.lower))} to ${msText(point.upper)})`;
  const expected = point.expected_low === null ? "" : `${msText(point.expected_low)} to ${msText(point.expected_high)}`;
  return [msText(point.value) + rounds, expected, point.mark === "change" ? `change ${movedText(point)}` : point.mark];
}
