/** Where the time of an LCP went: mean parts of the visits shown. */
import { axis, base, laneLabel } from "./charts.js";
import { element } from "./page.js";
import { tip } from "./tooltip.js";
import { axisText, countText, msText } from "./words.js";

const WAITING = ["queue", "lock"];

/** @param {number} arms */
export const partsHeight = (arms) => arms * 68 + 40;

/** @typedef {{arm: import("./page.js").Arm, name: string, visits: number, parts: Record<string, number> | null}} Lane */

/**
 * The mean of each part over visits; null without visits.
 * @param {import("./lcp.js").Seen[]} seen @param {string[]} names
 */
function meanParts(seen, names) {
  const known = seen.flatMap(({ visit }) => (visit.parts_ms ? [visit.parts_ms] : []));
  if (!known.length) return null;
  const mean = (/** @type {number} */ n) => known.reduce((sum, parts) => sum + parts[n], 0) / known.length;
  return Object.fromEntries(names.map((name, n) => [name, mean(n)]));
}

/**
 * @param {import("./page.js").Data} data @param {import("./lcp.js").Group[]} groups
 * @returns {import("./charts.js").OptionMaker}
 */
export const partsOption = (data, groups) => (colour, width) => {
  const narrow = width < 520;
  const names = Object.keys(data.part_titles);
  const lanes = groups.flatMap(({ arm, calm, inside }) => [
    { arm, name: "calm", visits: calm.length, parts: meanParts(calm, names) },
    { arm, name: "in stampede", visits: inside.length, parts: meanParts(inside, names) },
  ]);
  return {
    ...base(colour),
    grid: { left: narrow ? 112 : 150, right: 24, top: 6, bottom: 30 },
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
    series: names.map((part) => ({
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

/** @param {Lane} lane @param {Record<string, string>} titles */
function partsTip({ arm, name, visits, parts }, titles) {
  const lines = parts
    ? Object.entries(titles)
        .filter(([part]) => parts[part] > 0)
        .map(([part, title]) => `${title}: ${msText(parts[part])}`)
    : ["no such visit"];
  return tip(`${arm.label}, ${name}, ${countText(visits)} ${visits === 1 ? "visit" : "visits"}`, lines);
}

/** @param {import("./page.js").Data} data */
export function partsLegend(data) {
  return Object.entries(data.part_titles).map(([part, title]) => {
    const key = element("span", { class: "stack" }, element("span", { class: `part-${part}`, style: "width:18px" }));
    return element("li", {}, key, title);
  });
}
