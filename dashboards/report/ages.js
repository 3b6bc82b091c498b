/** The age of what was served over time: a row a strategy, on the time axis of the timelines. */
import { axis, base, draw, undraw } from "./charts.js";
import { longTable, rowsOf } from "./page.js";
import { LEFT, RIGHT } from "./timeline.js";
import { tip } from "./tooltip.js";
import { countText, figureText, instantText } from "./words.js";

/** Within the grid, pixels. */
export const AGES_Y = 40;
const AGES = { left: LEFT, right: RIGHT, top: 10, height: 64 };

/** @typedef {{data: import("./page.js").Data, topS: number, selected: import("./page.js").Stampede | null, last: boolean}} AgesContext */

/**
 * @param {import("./page.js").Data} data @param {number} round @param {import("./page.js").Selection | null} selection
 * @returns {any[]} the charts, to be connected with the timelines
 */
export function showAges(data, round, selection) {
  const rows = rowsOf("#age-rows .timeline-row");
  const topS = agesTop(data);
  return rows.flatMap((row, n) => {
    const place = /** @type {HTMLElement} */ (row.querySelector(".chart"));
    const trial = data.trials.find((one) => one.arm === n && one.round === round);
    const note = /** @type {HTMLElement} */ (row.querySelector(".round-note"));
    place.classList.toggle("empty", !trial);
    note.textContent = trial ? ageNote(trial) : "";
    if (!trial) {
      undraw(place);
      place.classList.remove("drawn");
      place.textContent = "Not measured in this round.";
      return [];
    }
    if (!place.classList.contains("drawn")) place.textContent = "";
    place.classList.add("drawn");
    const mine = selection && selection.arm === n && selection.round === round;
    const selected = mine ? trial.stampedes[selection.stampede] : null;
    const chart = draw(place, agesOption(trial, { data, topS, selected, last: n === rows.length - 1 }));
    for (const event of ["updateAxisPointer", "dataZoom"]) chart.off(event);
    return [chart];
  });
}

/** What a strategy declares is drawn where it does not press all else flat. @param {import("./page.js").Data} data */
function agesTop(data) {
  const oldest_s = Math.max(0.5, ...data.trials.map((trial) => oldestOf(trial) ?? 0));
  const limits = data.arms.flatMap(({ max_staleness_s: limit_s }) =>
    limit_s !== null && limit_s <= oldest_s * 1.6 ? [limit_s] : [],
  );
  const top_s = Math.max(oldest_s, ...limits);
  const step_s = 10 ** Math.floor(Math.log10(top_s)) / 2;
  return Math.ceil((top_s * 1.02) / step_s) * step_s;
}

/** @param {import("./page.js").Trial} trial */
const oldestOf = (trial) =>
  trial.oldest_s.reduce((most, age) => (age !== null && age > (most ?? -1) ? age : most), /** @type {number | null} */ (null));

/** @param {import("./page.js").Trial} trial */
function ageNote(trial) {
  const judged = trial.judged.reduce((sum, one) => sum + one, 0);
  const stale = trial.stale.reduce((sum, one) => sum + one, 0);
  const said = judged ? `${countText(stale)} of ${countText(judged)} reads stale` : "no read judged";
  return trial.kept_out.length ? `${said}; kept out of the figures` : said;
}

/** @param {import("./page.js").Trial} trial @param {AgesContext} context @returns {import("./charts.js").OptionMaker} */
const agesOption = (trial, { data, topS, selected, last }) => (colour, width) => {
  const arm = data.arms[trial.arm];
  const limit_s = arm.max_staleness_s;
  return {
    ...base(colour),
    grid: AGES,
    tooltip: {
      ...base(colour).tooltip,
      trigger: "axis",
      formatter: (/** @type {any[]} */ [{ axisValue }]) => agesTip(trial, data.bucket_s, axisValue),
    },
    axisPointer: { lineStyle: { color: colour("ink"), type: "solid", width: 1 }, label: { show: false } },
    xAxis: axis(colour, {
      type: "value",
      min: 0,
      max: data.window_s,
      splitNumber: Math.max(3, Math.round(width / 110)),
      axisLabel: { show: last, color: colour("muted"), fontSize: 11, formatter: "{value} s", hideOverlap: true },
      splitLine: { lineStyle: { color: colour("line"), width: 0.5 } },
    }),
    yAxis: axis(colour, {
      type: "value",
      min: 0,
      max: topS,
      interval: topS,
      axisLabel: { color: colour("muted"), fontSize: 11, formatter: (/** @type {number} */ v) => figureText(v, "s") },
    }),
    dataZoom: [
      { type: "inside", xAxisIndex: [0], filterMode: "filter", zoomOnMouseWheel: "ctrl", moveOnMouseMove: false },
      { type: "slider", xAxisIndex: [0], filterMode: "filter", show: false },
    ],
    series: [
      {
        type: "line",
        step: "middle",
        showSymbol: false,
        silent: true,
        connectNulls: true,
        sampling: "max",
        emphasis: { disabled: true },
        data: trial.oldest_s.map((age, n) => [(n + 0.5) * data.bucket_s, age]),
        itemStyle: { color: arm.hue },
        lineStyle: { color: arm.hue, width: 1.3 },
        areaStyle: { color: arm.hue, opacity: 0.25 },
        markLine: {
          silent: true,
          symbol: "none",
          label: { show: false },
          data: [
            ...trial.writes_hot.map((at_s) => ({ xAxis: at_s, lineStyle: { color: colour("ink"), type: "solid", width: 1 } })),
            ...(limit_s !== null && limit_s <= topS
              ? [{ yAxis: limit_s, lineStyle: { color: colour("bad"), type: [5, 3], width: 1.2 } }]
              : []),
          ],
        },
        markArea: selected
          ? {
              silent: true,
              itemStyle: { color: colour("stampede"), borderColor: colour("bad"), borderWidth: 1.5 },
              data: [[{ xAxis: Math.max(0, selected.begin_s) }, { xAxis: selected.end_s }]],
            }
          : undefined,
      },
    ],
  };
};

/** @param {import("./page.js").Trial} trial @param {number} bucket_s @param {number} at_s */
function agesTip(trial, bucket_s, at_s) {
  const n = Math.min(trial.judged.length - 1, Math.max(0, Math.floor(at_s / bucket_s + 1e-6)));
  return tip(instantText(n * bucket_s), [
    `oldest page ${figureText(trial.oldest_s[n], "s")}`,
    `${countText(trial.stale[n])} of ${countText(trial.judged[n])} reads stale`,
  ]);
}

/** @param {import("./page.js").Data} data @param {number} round */
export function agesTable(data, round) {
  const rows = data.trials
    .filter((trial) => trial.round === round)
    .flatMap((trial) =>
      trial.judged.map((judged, n) => [
        data.arms[trial.arm].label,
        instantText(n * data.bucket_s),
        countText(judged),
        countText(trial.stale[n]),
        figureText(trial.oldest_s[n], "s"),
      ]),
    );
  return longTable(["strategy", "from", "reads judged", "stale", "oldest page"], rows);
}
