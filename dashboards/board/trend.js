/** One chart: a figure of one strategy, run by run, with the band the runs before let expect. */
import { axis, base } from "../report/charts.js";
import { dashOf, markerOf } from "../report/page.js";
import { tip } from "../report/tooltip.js";
import { axisText, msText } from "../report/words.js";
import { dateText, dayText } from "./words.js";

/** @typedef {import("./history.js").History} History */
/** @typedef {import("./history.js").Point} Point */

const NOTHING_EXPECTED = "nothing yet: too few runs before it";

/**
 * @param {History} history @param {import("./history.js").Strategy} strategy @param {string} key
 * @returns {import("../report/charts.js").OptionMaker}
 */
export const trendOption = (history, strategy, key) => (colour) => {
  const points = strategy.figures[key];
  const arm = /** @type {any} */ (strategy);
  return {
    ...base(colour),
    grid: { left: 52, right: 14, top: 18, bottom: 24 },
    xAxis: axis(colour, {
      type: "category",
      data: history.runs.map((run) => dayText(run.created)),
      axisLabel: { color: colour("muted"), fontSize: 11, hideOverlap: true },
      splitLine: { show: false },
    }),
    yAxis: axis(colour, {
      type: "value",
      min: 0,
      max: top(points),
      splitNumber: 3,
      axisLabel: { color: colour("muted"), fontSize: 11, formatter: axisText, showMaxLabel: false },
    }),
    tooltip: { ...base(colour).tooltip, trigger: "item", formatter: (/** @type {any} */ hit) => said(history, strategy, key, hit) },
    series: [
      band(points, colour),
      ...lines(history, points, arm),
      rounds(points, arm, colour),
      breaks(history, points, colour),
      dots(history, points, arm, colour),
    ],
  };
};

/** The band may be wide where few runs are known: the axis is the figures'. @param {(Point | null)[]} points */
function top(points) {
  const most = Math.max(...points.map((point) => (point ? Math.max(point.value, Math.min(point.upper ?? 0, 2 * point.value)) : 0)));
  const step = 10 ** Math.floor(Math.log10(most || 1)) / 2;
  return Math.ceil((most * 1.12) / step) * step;
}

/** @param {(Point | null)[]} points @param {(name: string) => string} colour */
function band(points, colour) {
  return {
    type: "custom",
    silent: true,
    clip: true,
    z: 1,
    data: points.flatMap((point, n) => (point && point.expected_low !== null ? [[n, point.expected_low, point.expected_high]] : [])),
    renderItem: (/** @type {any} */ _, /** @type {any} */ api) => {
      const [x, low] = api.coord([api.value(0), api.value(1)]);
      const [, high] = api.coord([api.value(0), Math.min(api.value(2), 10 * (top(points) || 1))]);
      const half = api.size([1, 0])[0] / 2;
      return { type: "rect", shape: { x: x - half, y: high, width: 2 * half + 0.5, height: low - high }, style: { fill: colour("track") } };
    },
  };
}

/** Runs of one group are joined; across other conditions nothing is. @param {History} history @param {(Point | null)[]} points @param {any} arm */
function lines(history, points, arm) {
  return [...new Set(history.runs.map((run) => run.group))].map((group) => ({
    type: "line",
    silent: true,
    showSymbol: false,
    connectNulls: true,
    z: 2,
    data: points.map((point, n) => (point && history.runs[n].group === group ? point.value : null)),
    lineStyle: { color: arm.hue, type: dashOf(arm), width: 1.2, opacity: 0.8 },
  }));
}

/** @param {(Point | null)[]} points @param {any} arm @param {(name: string) => string} colour */
function rounds(points, arm, colour) {
  return {
    type: "custom",
    silent: true,
    clip: true,
    z: 3,
    data: points.flatMap((point, n) => (point && point.lower !== null ? [[n, Math.max(0, point.lower), point.upper]] : [])),
    renderItem: (/** @type {any} */ _, /** @type {any} */ api) => {
      const [x, low] = api.coord([api.value(0), api.value(1)]);
      const [, high] = api.coord([api.value(0), Math.min(api.value(2), 10 * (top(points) || 1))]);
      return { type: "line", shape: { x1: x, y1: low, x2: x, y2: high }, style: { stroke: arm.hue ?? colour("ink"), lineWidth: 1.2, opacity: 0.6 } };
    },
  };
}

/** @param {History} history @param {(Point | null)[]} points @param {(name: string) => string} colour */
function breaks(history, points, colour) {
  const dashed = { lineStyle: { color: colour("muted"), type: "dashed", width: 1 }, label: { show: false } };
  const changed = points.flatMap((point, n) => (point?.mark === "change" ? [{ xAxis: n, ...change(point, colour) }] : []));
  return {
    type: "line",
    data: [],
    silent: true,
    z: 4,
    markLine: { symbol: "none", silent: true, animation: false, data: [...history.breaks.map(({ at }) => ({ xAxis: at, ...dashed })), ...changed] },
  };
}

/** @param {Point} point @param {(name: string) => string} colour */
function change(point, colour) {
  const up = (point.factor ?? 1) > 1;
  const tint = colour(up ? "bad" : "good");
  return {
    lineStyle: { color: tint, type: "solid", width: 1.6 },
    label: { show: true, position: "end", distance: 2, fontSize: 11, fontWeight: 650, color: tint, formatter: `${up ? "▲" : "▼"} ${Math.abs(((point.factor ?? 1) - 1) * 100).toFixed(0)} %` },
  };
}

/** @param {History} history @param {(Point | null)[]} points @param {any} arm @param {(name: string) => string} colour */
function dots(history, points, arm, colour) {
  return {
    type: "scatter",
    symbol: markerOf(arm),
    symbolSize: 8,
    z: 5,
    itemStyle: { color: arm.hue, borderColor: colour("paper"), borderWidth: 0.6, opacity: 1 },
    data: points.flatMap((point, n) => {
      if (!point) return [];
      const out = point.mark === "out of line" ? { symbol: "diamond", symbolSize: 13, itemStyle: { color: colour("paper"), borderColor: colour("ink"), borderWidth: 2 } } : {};
      return [{ value: [n, point.value], run: history.runs[n].name, at: n, ...out }];
    }),
  };
}

/** @param {History} history @param {import("./history.js").Strategy} strategy @param {string} key @param {any} hit */
function said(history, strategy, key, hit) {
  const at = hit.data?.at;
  const point = at === undefined ? null : strategy.figures[key][at];
  if (!point) return "";
  const run = history.runs[at];
  const over = point.lower === null ? "one round" : `${msText(Math.max(0, point.lower))} to ${msText(point.upper)} over rounds`;
  const expected = point.expected_low === null ? NOTHING_EXPECTED : `${msText(point.expected_low)} to ${msText(point.expected_high)}, by ${point.before} runs before`;
  return tip(msText(point.value), [
    `${strategy.name}, ${over}`,
    `expected ${expected}`,
    point.mark,
    `${dateText(run.created)} UTC${run.commit ? `, commit ${run.commit}` : ""}`,
    "a click opens the report",
  ]);
}
