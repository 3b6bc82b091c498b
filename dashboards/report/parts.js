/** Where the time of an LCP went, and what speed costs in freshness. */
import { axis, base, laneLabel } from "./charts.js";
import { element, markerOf } from "./page.js";
import { tip } from "./tooltip.js";
import { axisText, countText, figureText, msText } from "./words.js";

const WAITING = ["queue", "lock"];

/** @param {number} arms */
export const partsHeight = (arms) => arms * 68 + 40;

/** @param {import("./page.js").Data} data @returns {import("./charts.js").OptionMaker} */
export const partsOption = (data) => (colour, width) => {
  const narrow = width < 520;
  const lanes = data.arms.flatMap((arm, n) => [
    { arm, name: "calm", parts: data.parts[n].calm },
    { arm, name: "in stampede", parts: data.parts[n].stampede },
  ]);
  return {
    ...base(colour),
    grid: { left: narrow ? 112 : 178, right: 24, top: 6, bottom: 30 },
    xAxis: axis(colour, {
      type: "value",
      axisLabel: {
        color: colour("muted"),
        fontSize: 11,
        formatter: (/** @type {number} */ value) => (value ? axisText(value) : "0"),
        hideOverlap: true,
      },
    }),
    yAxis: axis(colour, {
      type: "category",
      inverse: true,
      data: data.arms.flatMap((arm) => [arm.label, ""]),
      splitLine: { show: false },
      axisLabel: laneLabel(colour, narrow),
    }),
    tooltip: {
      ...base(colour).tooltip,
      trigger: "axis",
      axisPointer: { type: "none" },
      formatter: (/** @type {any[]} */ [{ dataIndex }]) => partsTip(lanes[dataIndex], data.part_titles),
    },
    series: Object.keys(data.part_titles).map((part) => ({
      type: "bar",
      stack: "lcp",
      barWidth: 16,
      data: lanes.map(({ parts }) => (parts ? parts[part] : null)),
      itemStyle: {
        color: colour(`part-${part}`),
        ...(WAITING.includes(part) ? { decal: stripes(colour("paper")) } : {}),
      },
    })),
  };
};

/** @param {string} color */
const stripes = (color) => ({
  symbol: "rect",
  dashArrayX: [1, 0],
  dashArrayY: [2, 3],
  rotation: -Math.PI / 4,
  color,
});

/**
 * @param {{arm: import("./page.js").Arm, name: string, parts: import("./page.js").Parts}} lane
 * @param {Record<string, string>} titles
 */
function partsTip({ arm, name, parts }, titles) {
  const lines = parts
    ? Object.entries(titles)
        .filter(([part]) => parts[part] > 0)
        .map(([part, title]) => `${title}: ${msText(parts[part])}`)
    : ["no such visit"];
  return tip(`${arm.label}, ${name}`, lines);
}

/** @param {import("./page.js").Data} data */
export function partsLegend(data) {
  return Object.entries(data.part_titles).map(([part, title]) => {
    const key = element("span", { class: "stack" }, element("span", { class: `part-${part}`, style: "width:18px" }));
    return element("li", {}, key, title);
  });
}

/** @param {import("./page.js").Data} data @returns {import("./charts.js").OptionMaker} */
export const tradeoffOption = (data) => (colour) => {
  const known = data.arms.filter((arm) => arm.lcp_p95_ms !== null && arm.oldest_s !== null);
  const most = Math.max(1, ...known.map((arm) => arm.recomputes ?? 0));
  return {
    ...base(colour),
    grid: { left: 64, right: 40, top: 24, bottom: 46 },
    xAxis: axis(colour, {
      type: "value",
      min: 0,
      name: "oldest page served, seconds",
      nameLocation: "middle",
      nameGap: 28,
      max: (/** @type {{max: number}} */ { max }) => niceTop(max),
    }),
    yAxis: axis(colour, {
      type: "value",
      min: 0,
      name: "LCP p95",
      nameLocation: "end",
      axisLabel: {
        color: colour("muted"),
        formatter: (/** @type {number} */ value) => (value ? axisText(value) : "0"),
      },
    }),
    tooltip: {
      ...base(colour).tooltip,
      trigger: "item",
      formatter: (/** @type {any} */ hit) => tradeoffTip(known[hit.dataIndex]),
    },
    series: [
      {
        type: "scatter",
        data: known.map((arm) => ({
          value: [arm.oldest_s, arm.lcp_p95_ms],
          symbol: markerOf(arm),
          symbolSize: 12 + 26 * Math.sqrt((arm.recomputes ?? 0) / most),
          itemStyle: { color: arm.hue, opacity: 0.85, borderColor: colour("paper"), borderWidth: 1 },
        })),
        label: {
          show: true,
          position: "right",
          color: colour("ink"),
          formatter: (/** @type {any} */ hit) => known[hit.dataIndex].label,
        },
        labelLayout: { hideOverlap: false, moveOverlap: "shiftY" },
      },
    ],
  };
};

/** Room for the label of the rightmost strategy. @param {number} max */
const niceTop = (max) => Math.max(1, Math.ceil(max * 1.25));

/** @param {import("./page.js").Arm} arm */
function tradeoffTip(arm) {
  return tip(arm.label, [
    `LCP p95 ${msText(arm.lcp_p95_ms)}`,
    `oldest page ${figureText(arm.oldest_s, "s")}`,
    `${countText(arm.recomputes)} recomputes`,
  ]);
}
