/** What one row of the timelines draws: lines, visits, stampedes, expiries, recomputes, writes; and their legend. */
import { CACHE_SYMBOLS, element } from "./page.js";
import { countText } from "./words.js";

/** Width of a digit of a stampede's number, and what is left free beside it, pixels. */
const DIGIT = 7;
const GAP = 3;
const CROSS = "path://M2 0 6 4 10 0 12 2 8 6 12 10 10 12 6 8 2 12 0 10 4 6 0 2Z";

/**
 * @param {import("./page.js").Trial} trial @param {import("./timeline.js").RowContext} context
 * @param {(name: string) => string} colour @param {number} perSecond pixels a second is wide
 */
export function timelineSeries(trial, context, colour, perSecond) {
  const { data, topMs } = context;
  const hue = data.arms[trial.arm].hue;
  const line = {
    type: "line",
    showSymbol: false,
    silent: true,
    connectNulls: true,
    // Of several buckets in one pixel the greatest is drawn.
    sampling: "max",
    itemStyle: { color: hue },
    emphasis: { disabled: true },
  };
  return [
    { type: "line", name: "disturbances", data: [], silent: true, ...disturbed(trial, colour) },
    // A series of its own: the areas take clicks, the lines do not.
    { type: "line", name: "stampedes", data: [], markArea: areas(trial, context.selected, colour, perSecond) },
    {
      ...line,
      name: "slowest",
      data: points(trial.max_ms, data.bucket_s),
      lineStyle: { color: hue, width: 1.3 },
      areaStyle: { color: hue, opacity: 0.14, origin: "start" },
      markLine: expiries(trial, colour),
    },
    {
      ...line,
      name: "median",
      sampling: "average",
      data: points(trial.median_ms, data.bucket_s),
      lineStyle: { color: hue, width: 1.3, type: [2, 2] },
    },
    {
      type: "scatter",
      name: "visits",
      silent: true,
      z: 5,
      data: trial.visits.map((visit) => visitDot(visit, topMs, colour)),
    },
    open(line, trial.recomputes, data.bucket_s, colour("muted"), 0.35),
    open(line, trial.recomputes_hot, data.bucket_s, hue, 0.8),
    ticks(trial.writes_other, colour("line"), colour("muted")),
    ticks(trial.writes_hot, colour("ink"), colour("ink")),
  ];
}

/**
 * A logarithmic axis knows no 0; what took less than 1 ms is drawn at 1 ms.
 * @param {(number | null)[]} values @param {number} bucket_s
 */
function points(values, bucket_s) {
  return values.map((value, n) => [(n + 0.5) * bucket_s, value === null ? null : Math.max(1, value)]);
}

/** @param {object} line @param {number[]} values @param {number} bucket_s @param {string} fill @param {number} opacity */
function open(line, values, bucket_s, fill, opacity) {
  return {
    ...line,
    name: "recomputes",
    xAxisIndex: 1,
    yAxisIndex: 1,
    step: "middle",
    z: 3,
    data: values.map((value, n) => [(n + 0.5) * bucket_s, value]),
    lineStyle: { width: 0 },
    areaStyle: { color: fill, opacity },
  };
}

/** @param {number[]} instants @param {string} fill @param {string} border */
function ticks(instants, fill, border) {
  return {
    type: "scatter",
    name: "writes",
    silent: true,
    xAxisIndex: 2,
    yAxisIndex: 2,
    symbol: "rect",
    symbolSize: [2, 9],
    itemStyle: { color: fill, borderColor: border, borderWidth: 0.5, opacity: 1 },
    data: instants.map((at_s) => [at_s, 0.5]),
  };
}

/** @param {import("./page.js").Visit} visit @param {number} topMs @param {(name: string) => string} colour */
function visitDot(visit, topMs, colour) {
  if (visit.outcome !== "measured" || visit.lcp_ms === null) {
    const color = colour(visit.outcome === "failed" ? "bad" : "muted");
    return { value: [visit.at_s, topMs * 0.6], symbol: CROSS, symbolSize: 8, itemStyle: { color } };
  }
  const value = [visit.at_s, Math.max(1, visit.lcp_ms)];
  if (visit.cache === null || !(visit.cache in CACHE_SYMBOLS)) {
    const hollow = { color: colour("paper"), borderColor: colour("muted"), borderWidth: 1.5 };
    return { value, symbol: "circle", symbolSize: 7, itemStyle: hollow };
  }
  const cache = /** @type {keyof typeof CACHE_SYMBOLS} */ (visit.cache);
  const filled = {
    color: colour(`cache-${cache.toLowerCase()}`),
    borderColor: colour("paper"),
    borderWidth: 1,
    opacity: 1,
  };
  return { value, symbol: CACHE_SYMBOLS[cache], symbolSize: cache === "HIT" ? 7 : 9, itemStyle: filled };
}

/**
 * @param {import("./page.js").Trial} trial @param {number | null} selected @param {(name: string) => string} colour
 * @param {number} perSecond pixels a second is wide
 */
function areas(trial, selected, colour, perSecond) {
  let free_s = -Infinity;
  return {
    itemStyle: { color: colour("stampede"), borderColor: colour("bad"), borderWidth: 0.4 },
    label: { position: "top", distance: 2, color: colour("muted"), fontSize: 11 },
    emphasis: { itemStyle: { borderWidth: 1.5 }, label: { position: "top", color: colour("ink") } },
    data: trial.stampedes.map((one, number) => {
      const picked = number === selected;
      const middle_s = (Math.max(0, one.begin_s) + one.end_s) / 2;
      const half_s = (countText(number + 1).length * DIGIT + GAP) / 2 / perSecond;
      // Numbers one over the other could be read as another number; the ledger and the pointer have them all.
      const room = picked || middle_s - half_s >= free_s;
      if (room) free_s = middle_s + half_s;
      const start = {
        name: countText(number + 1),
        xAxis: Math.max(0, one.begin_s),
        itemStyle: { borderWidth: picked ? 2 : 0.4 },
        label: { show: room },
      };
      return [
        picked ? { ...start, label: { show: true, fontWeight: "bold", color: colour("ink") } } : start,
        { xAxis: one.end_s },
      ];
    }),
  };
}

/**
 * Lasting disturbances as areas, momentary ones as lines; each says what it was, in text.
 * @param {import("./page.js").Trial} trial @param {(name: string) => string} colour
 */
function disturbed(trial, colour) {
  const label = { show: true, color: colour("disturbance-ink"), fontSize: 11, formatter: "{b}" };
  const lasting = trial.disturbances.filter(({ end_s }) => end_s !== null);
  const momentary = trial.disturbances.filter(({ end_s }) => end_s === null);
  return {
    markArea: {
      silent: true,
      itemStyle: { color: colour("disturbance"), borderColor: colour("disturbance-ink"), borderWidth: 0.6 },
      // Failed visits lie along the upper edge.
      label: { ...label, position: "insideBottomLeft", distance: 3 },
      data: lasting.map((one) => [{ name: one.kind, xAxis: one.begin_s }, { xAxis: one.end_s }]),
    },
    markLine: {
      silent: true,
      symbol: "none",
      label: { ...label, position: "insideStartTop" },
      lineStyle: { color: colour("disturbance-ink"), type: "solid", width: 2 },
      data: momentary.map((one) => ({ name: one.kind, xAxis: one.begin_s })),
    },
  };
}

/** @param {import("./page.js").Trial} trial @param {(name: string) => string} colour */
function expiries(trial, colour) {
  return {
    silent: true,
    symbol: "none",
    label: { show: false },
    lineStyle: { color: colour("ink"), type: [4, 3], width: 1 },
    data: trial.expiries.map((at_s) => ({ xAxis: at_s })),
  };
}

/**
 * The legend, drawn with the page's own symbols.
 * @param {boolean} anyDisturbed whether it has something disturbed to explain
 */
export function timelineLegend(anyDisturbed) {
  const cache = Object.keys(CACHE_SYMBOLS).map(
    (name) => /** @type {[string, string]} */ ([`key-${name.toLowerCase()}`, `visit, ${name}`]),
  );
  /** @type {[string, string][]} */
  const keys = [
    ["key-slowest", "slowest read"],
    ["key-median", "median read"],
    ["key-open", "recomputes open (pale: other entries)"],
    ["key-stampede", "stampede, numbered"],
    ["key-expiry", "expiry"],
    ["key-write", "write (pale: other entries)"],
    .../** @type {[string, string][]} */ (anyDisturbed ? [["key-disturbance", "disturbance, named"]] : []),
    ...cache,
    ["key-unknown", "visit, cache unknown"],
    ["key-failed", "visit failed (grey: starved)"],
  ];
  return keys.map(([key, text]) => element("li", {}, element("i", { class: `key ${key}` }), text));
}
