/**
 * What the page's parts share: the shapes of the data, safe building of elements, and the colours of the theme.
 *
 * @typedef {{label: string, hue: string, dash: number[], marker: string, max_staleness_s: number | null}} Arm
 * @typedef {{label: string, lcp_worst_ms: number | null, oldest_s: number | null, origin_share: number | null,
 *   dominated_by: string[], control: boolean}} Place
 * @typedef {{capped: boolean | null, predicted_alone: number | null, predicted_in_herd: number | null,
 *   cpu_s: number | null, db_s: number | null, wasted: number, requests: number, who: string,
 *   response_p95_ms: number | null}} Cost
 * @typedef {{entry: string, cause: string, begin_s: number, end_s: number, peak: number, recomputes: number,
 *   cost: Cost | null}} Stampede
 * @typedef {{at_s: number, lcp_ms: number | null, path: string, cache: string | null, outcome: string,
 *   cause: string | null, stampede: number | null, parts_ms: number[] | null}} Visit
 * @typedef {{kind: string, begin_s: number, end_s: number | null}} Disturbance
 * @typedef {{arm: number, round: number, kept_out: string[], max_ms: (number | null)[], median_ms: (number | null)[],
 *   count: number[], failed: number[], recomputes: number[], recomputes_hot: number[], judged: number[], stale: number[],
 *   oldest_s: (number | null)[], stampedes: Stampede[], writes_hot: number[], writes_other: number[], expiries: number[], disturbances: Disturbance[], visits: Visit[]}} Trial
 * @typedef {{id: string, arm: number, round: number, stampede: number, lcp_ms: number}} SlowVisit
 * @typedef {{bucket_s: number, window_s: number, threads: number | null, arms: Arm[], rounds: number[], trials: Trial[],
 *   part_titles: Record<string, string>, slowest: SlowVisit[], pareto: Place[]}} Data
 * @typedef {{arm: number, round: number, stampede: number}} Selection
 */

/** Symbols of ECharts for what the cache did; the shape says it without the colour. */
export const CACHE_SYMBOLS = {
  HIT: "circle",
  STALE: "diamond",
  WAIT: "triangle",
  MISS: "rect",
  BYPASS: "path://M13.2 1h3.6v3.2H20v3.6h-3.2V11h-3.6V7.8H10V4.2h3.2Z",
};

/** @type {Record<string, string>} */
const MARKERS = {
  circle: "circle",
  rect: "rect",
  triangle: "triangle",
  diamond: "diamond",
  cross: "path://M13.2 1h3.6v3.2H20v3.6h-3.2V11h-3.6V7.8H10V4.2h3.2Z",
  star: "path://m15 .6 1.4 3.7 3.9.2-3 2.5 1 3.9-3.3-2.2-3.3 2.2 1-3.9-3-2.5 3.9-.2Z",
};

/** @param {Arm} arm the symbol ECharts draws for a strategy */
export const markerOf = (arm) => MARKERS[arm.marker] ?? "circle";

/** @param {Arm} arm the dash pattern of a strategy's lines */
export const dashOf = (arm) => (arm.dash.length ? arm.dash : "solid");

/**
 * An element with text and children. Text never becomes markup.
 * @param {string} tag @param {Record<string, string>} attributes @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** @param {string} id */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * A plain table. The first `textColumns` columns are aligned as text, the rest as figures.
 * @param {string[]} columns @param {(string | Node)[][]} rows @param {number} textColumns
 */
export function tableOf(columns, rows, textColumns = 1) {
  const attributes = (/** @type {number} */ n) => ({ class: n < textColumns ? "text" : "figure" });
  const head = columns.map((text, n) => element("th", { scope: "col", ...attributes(n) }, text));
  const body = rows.map((row) => element("tr", {}, ...row.map((cell, n) => element("td", attributes(n), cell))));
  return element(
    "table",
    { class: "data" },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...body),
  );
}

/** More rows than anyone reads would only make the page slow. */
const MOST_ROWS = 2000;

/**
 * A table of the first rows; what it leaves out it says.
 * @param {string[]} columns @param {(string | Node)[][]} rows
 */
export function longTable(columns, rows) {
  const table = tableOf(columns, rows.slice(0, MOST_ROWS));
  if (rows.length <= MOST_ROWS) return table;
  const rest = `${(rows.length - MOST_ROWS).toLocaleString("en-US")} more rows are in the CSV.`;
  return element("div", {}, table, element("p", { class: "footnote" }, rest));
}

/** The rows of small multiples below a place. @param {string} selector */
export const rowsOf = (selector) => /** @type {HTMLElement[]} */ ([...document.querySelectorAll(selector)]);

/**
 * The theme's colours as the browser resolves them now; ECharts understands no custom properties.
 * @returns {(name: string) => string}
 */
export function themeColours() {
  const probe = document.body.appendChild(element("span", { hidden: "" }));
  const known = new Map();
  queueMicrotask(() => probe.remove());
  return (name) => {
    if (!known.has(name)) {
      probe.style.color = `var(--${name})`;
      known.set(name, getComputedStyle(probe).color);
    }
    return known.get(name);
  };
}
