/** LCP by strategy: one dot a visit, and the cumulative share of visits, calm against in a stampede. */
import { axis, base, laneLabel } from "./charts.js";
import { dashOf, markerOf } from "./page.js";
import { tip, visitText } from "./tooltip.js";
import { axisText, instantText, msText, quantileOf } from "./words.js";

/** Limits of Web Vitals, https://web.dev/articles/lcp: good up to the first, poor above the second. */
const LIMITS_MS = [2500, 4000];
const LANE = 40;

/**
 * @typedef {{visit: import("./page.js").Visit, trial: import("./page.js").Trial}} Seen
 * @typedef {{arm: import("./page.js").Arm, number: number, calm: Seen[], inside: Seen[]}} Group
 */

/**
 * Measured visits by strategy; with a selection only those that met that stampede.
 * @param {import("./page.js").Data} data @param {import("./page.js").Selection | null} selection
 * @returns {Group[]}
 */
export function groupsOf(data, selection) {
  return data.arms.map((arm, number) => {
    const seen = data.trials
      .filter((trial) => trial.arm === number && !trial.kept_out.length)
      .flatMap((trial) =>
        trial.visits
          .filter((visit) => visit.lcp_ms !== null && visit.outcome === "measured")
          .map((visit) => ({ visit, trial })),
      )
      .filter(
        ({ visit, trial }) =>
          !selection ||
          (selection.arm === trial.arm && selection.round === trial.round && selection.stampede === visit.stampede),
      );
    return {
      arm,
      number,
      calm: seen.filter(({ visit }) => visit.stampede === null),
      inside: seen.filter(({ visit }) => visit.stampede !== null),
    };
  });
}

/** @param {import("./page.js").Data} data the same axis whatever is selected */
function extent(data) {
  const all = groupsOf(data, null).flatMap(({ calm, inside }) => lcpOf([...calm, ...inside]));
  return { min: 10 ** Math.floor(Math.log10(Math.max(1, Math.min(100, ...all)))), max: Math.max(6000, ...all) };
}

/** @param {Seen[]} seen sorted */
const lcpOf = (seen) => seen.map(({ visit }) => /** @type {number} */ (visit.lcp_ms)).sort((a, b) => a - b);

/** Height of the chart of dots: two lanes a strategy. @param {number} arms */
export const dotsHeight = (arms) => arms * 2 * LANE + 60;

/** @param {import("./page.js").Data} data @param {Group[]} groups @returns {import("./charts.js").OptionMaker} */
export const dotsOption = (data, groups) => (colour, width) => {
  const narrow = width < 520;
  const lanes = groups.flatMap(({ calm, inside }) => [calm, inside]);
  return {
    ...base(colour),
    grid: { left: narrow ? 112 : 150, right: 58, top: 20, bottom: 30 },
    xAxis: lcpAxis(data, colour),
    yAxis: axis(colour, {
      type: "category",
      inverse: true,
      data: groups.flatMap(({ arm }) => [arm.label, ""]),
      axisLabel: laneLabel(colour, narrow),
      splitLine: { show: false },
    }),
    tooltip: {
      ...base(colour).tooltip,
      trigger: "item",
      formatter: (/** @type {any} */ hit) => dotTip(lanes[hit.value[1]]?.[hit.value[2]]),
    },
    series: [
      ...groups.flatMap((group) => [dots(group, "calm", colour), dots(group, "inside", colour)]),
      {
        type: "scatter",
        silent: true,
        z: 6,
        symbol: "rect",
        symbolSize: [3, 26],
        itemStyle: { color: colour("ink"), opacity: 1 },
        data: groups.flatMap(quarterMarks),
        label: {
          show: true,
          position: "right",
          distance: 5,
          color: colour("ink"),
          fontSize: 11,
          textBorderColor: colour("paper"),
          textBorderWidth: 3,
          formatter: (/** @type {any} */ hit) => msText(hit.value[0]),
        },
      },
      limits(colour, true),
    ],
  };
};

/** @param {Group} group @param {"calm" | "inside"} side @param {(name: string) => string} colour */
function dots(group, side, colour) {
  const lane = group.number * 2 + (side === "inside" ? 1 : 0);
  return {
    type: "scatter",
    symbol: markerOf(group.arm),
    symbolSize: 7,
    itemStyle: { color: group.arm.hue, opacity: 0.8, borderColor: colour("paper"), borderWidth: 0.4 },
    // Spread by the golden ratio: even, and the same each time the page is opened. Only numbers: the library copies
    // each dot with all it refers to.
    data: group[side].map((seen, n) => ({
      value: [seen.visit.lcp_ms, lane, n],
      symbolOffset: [0, (((n * 0.618) % 1) - 0.5) * LANE * 0.62],
    })),
  };
}

/** @param {Group} group */
function quarterMarks(group) {
  return [group.calm, group.inside].flatMap((seen, n) =>
    seen.length ? [[quantileOf(lcpOf(seen), 0.75), group.number * 2 + n]] : [],
  );
}

/** @param {Seen | undefined} seen */
function dotTip(seen) {
  if (!seen) return "";
  const met = seen.visit.stampede === null ? "no stampede" : `stampede ${seen.visit.stampede + 1}`;
  return tip(msText(seen.visit.lcp_ms), [
    `round ${seen.trial.round}, ${instantText(seen.visit.at_s)}, ${met}`,
    visitText(seen.visit),
  ]);
}

/** @param {import("./page.js").Data} data @param {(name: string) => string} colour */
function lcpAxis(data, colour) {
  return axis(colour, {
    type: "log",
    ...extent(data),
    axisLabel: { color: colour("muted"), fontSize: 11, formatter: axisText, hideOverlap: true },
  });
}

/** @param {(name: string) => string} colour @param {boolean} inverse whether the other axis runs downwards */
function limits(colour, inverse) {
  return {
    type: "line",
    data: [],
    silent: true,
    markArea: {
      silent: true,
      data: [
        [{ xAxis: LIMITS_MS[0], itemStyle: { color: colour("band-improve") } }, { xAxis: LIMITS_MS[1] }],
        [{ xAxis: LIMITS_MS[1], itemStyle: { color: colour("band-poor") } }, { xAxis: 1e9 }],
      ],
    },
    markLine: {
      symbol: "none",
      silent: true,
      lineStyle: { color: colour("muted"), type: "solid", width: 0.8 },
      data: LIMITS_MS.map((at_ms, n) => ({
        xAxis: at_ms,
        label: {
          show: n === 1,
          formatter: "lab: good ≤ 2.5 s, poor > 4 s",
          color: colour("muted"),
          fontSize: 10.5,
          position: inverse ? "start" : "end",
          align: "right",
          distance: 4,
        },
      })),
    },
  };
}

/** @param {import("./page.js").Data} data @param {Group[]} groups @returns {import("./charts.js").OptionMaker} */
export const sharesOption = (data, groups) => (colour) => ({
  ...base(colour),
  grid: { left: 48, right: 16, top: 20, bottom: 30 },
  xAxis: lcpAxis(data, colour),
  yAxis: axis(colour, {
    type: "value",
    min: 0,
    max: 100,
    interval: 25,
    axisLabel: { color: colour("muted"), fontSize: 11, formatter: "{value} %" },
  }),
  tooltip: {
    ...base(colour).tooltip,
    trigger: "item",
    formatter: (/** @type {any} */ hit) => (hit.data.text ? tip(hit.data.label, [hit.data.text]) : ""),
  },
  series: [
    ...groups.flatMap((group) => [...curve(group, "calm", colour), ...curve(group, "inside", colour)]),
    limits(colour, false),
  ],
});

/** @param {Group} group @param {"calm" | "inside"} side @param {(name: string) => string} colour */
function curve(group, side, colour) {
  const sorted = lcpOf(group[side]);
  if (!sorted.length) return [];
  const inside = side === "inside";
  const p75 = quantileOf(sorted, 0.75);
  const text = `p75 ${inside ? "in stampede" : "calm"}: ${msText(p75)}`;
  return [
    {
      type: "line",
      step: "end",
      showSymbol: false,
      silent: true,
      data: [[sorted[0], 0], ...sorted.map((value, n) => [value, ((n + 1) / sorted.length) * 100])],
      lineStyle: {
        color: group.arm.hue,
        type: dashOf(group.arm),
        width: inside ? 2.4 : 1,
        opacity: inside ? 1 : 0.75,
      },
    },
    {
      type: "scatter",
      symbol: markerOf(group.arm),
      symbolSize: inside ? 12 : 8,
      z: 5,
      itemStyle: { color: group.arm.hue, borderColor: colour("paper"), borderWidth: 1, opacity: 1 },
      data: [{ value: [p75, 75], label: group.arm.label, text }],
    },
  ];
}
