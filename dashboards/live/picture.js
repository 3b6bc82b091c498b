/** The picture of the trial under way: a row of the report's timelines, larger, with what only a live view has. */
import { element } from "../report/page.js";
import { timelineLegend } from "../report/timeline-series.js";
import { timelineOption } from "../report/timeline.js";
import { reportTrial } from "./state.js";

/** The strategies' hues as in the report (Okabe–Ito), in the order of the plan. */
const HUES = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"];

const SIDES = { left: 52, right: 14 };
const NARROW_PX = 560;

/**
 * @param {import("./state.js").State} state @param {import("./state.js").LiveTrial} trial
 * @returns {import("../report/charts.js").OptionMaker}
 */
export const pictureOption = (state, trial) => (colour, width) => {
  const shown = reportTrial(state, trial);
  const arms = state.arms.map((label, n) => ({ label, hue: HUES[n % HUES.length] }));
  const data = /** @type {any} */ ({ bucket_s: trial.bucket_s, window_s: trial.window_s, threads: null, arms });
  const context = { data, topMs: topOf(shown), mostOpen: mostOf(shown), selected: null, last: true };
  const option = /** @type {any} */ (timelineOption(shown, context)(colour, width));
  const tall = width < NARROW_PX ? 190 : 240;
  return {
    ...option,
    tooltip: { ...option.tooltip, showContent: true },
    grid: [
      { ...SIDES, top: 20, height: tall },
      { ...SIDES, top: tall + 34, height: 44 },
      { ...SIDES, top: tall + 84, height: 10 },
    ],
    dataZoom: [],
    series: [...option.series, nowLine(trial, colour)],
  };
};

/** @param {import("../report/page.js").Trial} trial the upper end of the axis: it grows by powers of ten only */
function topOf({ max_ms, visits }) {
  const all = [...max_ms, ...visits.map((visit) => visit.lcp_ms)].map((value) => value ?? 0);
  return 10 ** Math.ceil(Math.log10(Math.max(100, ...all)));
}

/** @param {import("../report/page.js").Trial} trial */
const mostOf = ({ recomputes }) => Math.max(2, ...recomputes.map((value) => value ?? 0));

/** @param {import("./state.js").LiveTrial} trial @param {(name: string) => string} colour */
function nowLine(trial, colour) {
  const lineStyle = { color: colour("muted"), type: "solid", width: 1 };
  const data = trial.ended ? [] : [{ xAxis: trial.at_s }];
  const markLine = { silent: true, symbol: "none", label: { show: false }, lineStyle, data };
  return { type: "line", name: "now", data: [], silent: true, markLine };
}

/** The report's legend and what only a live view has. */
export function legend() {
  // Live, recomputes of all entries are drawn as one.
  const more = [
    ["key-open", "recomputes open"],
    ["key-now", "now"],
  ].map(([key, text]) => element("li", {}, element("i", { class: `key ${key}` }), text));
  return [...timelineLegend(true).filter((item) => !item.querySelector(".key-open")), ...more];
}
