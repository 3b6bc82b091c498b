/** One row of the timelines: response times, visits, stampedes, recomputes and writes of one trial. */
import { axis, base } from "./charts.js";
import { timelineSeries } from "./timeline-series.js";
import { instantTip } from "./tooltip.js";
import { axisText } from "./words.js";

/** Space beside the grids: the same for every chart on the time axis. */
export const LEFT = 52;
export const RIGHT = 12;
const TIMES = { top: 16, height: 104 };
const WORK = { top: 128, height: 34 };
const WRITES = { top: 166, height: 9 };
// On wide pages what happened at the pointer stands beside the chart: a box would cover the picture.
const BESIDE = matchMedia("(min-width: 860px)");

/**
 * @typedef {object} RowContext
 * @property {import("./page.js").Data} data
 * @property {number} topMs  upper end of the shared axis of times
 * @property {number} mostOpen  upper end of the shared axis of recomputes
 * @property {number | null} selected  index of the selected stampede, if it is this trial's
 * @property {boolean} last  whether this row carries the time axis and the slider
 */

/**
 * @param {import("./page.js").Trial} trial @param {RowContext} context
 * @returns {import("./charts.js").OptionMaker}
 */
export const timelineOption = (trial, context) => (colour, width) => ({
  ...base(colour),
  tooltip: {
    ...base(colour).tooltip,
    trigger: "axis",
    showContent: !BESIDE.matches,
    formatter: (/** @type {any[]} */ [{ axisValue }]) => instantTip(trial, context.data.bucket_s, axisValue),
  },
  axisPointer: {
    link: [{ xAxisIndex: "all" }],
    lineStyle: { color: colour("ink"), type: "solid", width: 1 },
    label: { show: false },
  },
  grid: [TIMES, WORK, WRITES].map((box) => ({ left: LEFT, right: RIGHT, ...box })),
  xAxis: [0, 1, 2].map((n) => timeAxis(n, context, colour, width)),
  yAxis: [
    axis(colour, {
      type: "log",
      min: 1,
      max: context.topMs,
      gridIndex: 0,
      axisLabel: { color: colour("muted"), fontSize: 11, formatter: axisText, showMinLabel: false },
    }),
    axis(colour, {
      type: "value",
      min: 0,
      max: context.mostOpen,
      interval: context.mostOpen,
      gridIndex: 1,
      axisLabel: { color: colour("muted"), fontSize: 11 },
    }),
    { type: "value", min: 0, max: 1, show: false, gridIndex: 2 },
  ],
  dataZoom: zooms(context.last, colour),
  series: timelineSeries(trial, context, colour, (width - LEFT - RIGHT) / context.data.window_s),
});

/** @param {number} n @param {RowContext} context @param {(name: string) => string} colour @param {number} width */
function timeAxis(n, context, colour, width) {
  const labelled = n === 2 && context.last;
  return axis(colour, {
    type: "value",
    gridIndex: n,
    min: 0,
    max: context.data.window_s,
    splitNumber: Math.max(3, Math.round(width / 110)),
    axisLine: { show: n < 2, lineStyle: { color: colour("line") } },
    axisLabel: { show: labelled, color: colour("muted"), fontSize: 11, formatter: "{value} s", hideOverlap: true },
    splitLine: { show: n < 2, lineStyle: { color: colour("line"), width: 0.5 } },
  });
}

/**
 * Every row has the same zooms, so that one can be moved by another; only the last row shows the slider.
 * @param {boolean} last @param {(name: string) => string} colour
 */
function zooms(last, colour) {
  const all = { xAxisIndex: [0, 1, 2], filterMode: "filter" };
  return [
    // A wheel alone must scroll the page.
    {
      ...all,
      type: "inside",
      zoomOnMouseWheel: "ctrl",
      moveOnMouseMove: false,
      moveOnMouseWheel: false,
      preventDefaultMouseMove: false,
    },
    {
      ...all,
      type: "slider",
      show: last,
      left: LEFT,
      right: RIGHT,
      top: 208,
      height: 22,
      brushSelect: false,
      borderColor: colour("line"),
      fillerColor: colour("track"),
      backgroundColor: "transparent",
      handleStyle: { color: colour("paper"), borderColor: colour("muted") },
      moveHandleSize: 0,
      showDataShadow: false,
      textStyle: { color: colour("muted"), fontSize: 11 },
      labelFormatter: (/** @type {number} */ value) => `${value.toFixed(1)} s`,
    },
  ];
}
