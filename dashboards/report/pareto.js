/** Speed against freshness: one marker a strategy, sized by origin work, filled where no other beats it on all three. */
import { axis, base } from "./charts.js";
import { markerOf } from "./page.js";
import { tip } from "./tooltip.js";
import { axisText, figureText, msText } from "./words.js";

/** With more, names would lie over each other: the pointer and the table have them. */
const MOST_NAMES = 10;

/** @typedef {import("./page.js").Place & {arm: import("./page.js").Arm}} Placed */

/** @param {import("./page.js").Data} data @returns {Placed[]} */
const placed = (data) =>
  data.pareto.flatMap((one) => {
    const arm = data.arms.find(({ label }) => label === one.label);
    return arm && one.lcp_worst_ms !== null && one.oldest_s !== null ? [{ ...one, arm }] : [];
  });

/** @param {import("./page.js").Data} data @returns {import("./charts.js").OptionMaker} */
export const tradeoffOption = (data) => (colour) => {
  const known = placed(data);
  const most = Math.max(1e-9, ...known.map((one) => one.origin_share ?? 0));
  const oldest_s = niceTop(Math.max(0.5, ...known.map((one) => Number(one.oldest_s))));
  return {
    ...base(colour),
    grid: { left: 68, right: 18, top: 26, bottom: 44 },
    xAxis: axis(colour, {
      type: "value",
      min: 0,
      max: oldest_s,
      name: "← fresher      oldest page served, seconds",
      nameLocation: "middle",
      nameGap: 27,
      axisLabel: { color: colour("muted"), fontSize: 11, showMaxLabel: false },
    }),
    yAxis: axis(colour, {
      type: "value",
      min: 0,
      // A marker at the edge must not cover a label.
      offset: 14,
      axisLine: { show: false },
      name: "LCP, worst 5 % (lower is faster)",
      nameLocation: "end",
      nameTextStyle: { color: colour("muted"), align: "left", padding: [0, 0, 0, -66] },
      splitNumber: 3,
      axisLabel: { color: colour("muted"), fontSize: 11, formatter: (/** @type {number} */ v) => (v ? axisText(v) : "0") },
    }),
    tooltip: {
      ...base(colour).tooltip,
      trigger: "item",
      formatter: (/** @type {any} */ hit) => (hit.data.place ? tradeoffTip(hit.data.place) : ""),
    },
    series: [
      {
        type: "scatter",
        data: known.map((one) => ({
          value: [one.oldest_s, one.lcp_worst_ms],
          place: one,
          symbol: markerOf(one.arm),
          symbolSize: 11 + 19 * Math.sqrt((one.origin_share ?? 0) / most),
          itemStyle: one.dominated_by.length || one.control
            ? { color: `${one.arm.hue}55`, opacity: 1, borderColor: one.arm.hue, borderWidth: 1 }
            : { color: one.arm.hue, opacity: 1, borderColor: colour("paper"), borderWidth: 1 },
          label: {
            position: Number(one.oldest_s) > oldest_s * 0.55 ? "left" : "right",
            fontWeight: one.dominated_by.length || one.control ? "normal" : "bold",
          },
        })),
        label: {
          show: known.length <= MOST_NAMES,
          color: colour("ink"),
          fontSize: 12,
          textBorderColor: colour("paper"),
          textBorderWidth: 3,
          // Braces in a name would start a style of the library.
          formatter: (/** @type {any} */ hit) => known[hit.dataIndex].label.replace(/[{}|]/g, ""),
        },
        labelLayout: apart(),
      },
    ],
  };
};

/** Moves a name up or down until it lies over no other; ECharts asks for one after the other. */
function apart() {
  /** @type {{x: number, y: number, width: number, height: number}[]} */
  let taken = [];
  return (/** @type {any} */ { dataIndex, labelRect }) => {
    if (!dataIndex) taken = [];
    const free = (/** @type {number} */ dy) =>
      taken.every(
        (other) =>
          labelRect.x > other.x + other.width ||
          other.x > labelRect.x + labelRect.width ||
          Math.abs(labelRect.y + dy - other.y) >= labelRect.height,
      );
    const step = labelRect.height + 1;
    const dy = [0, -step, step, -2 * step, 2 * step].find(free) ?? 0;
    taken.push({ x: labelRect.x, y: labelRect.y + dy, width: labelRect.width, height: labelRect.height });
    return { dy };
  };
}

/** A round end of the axis with room beyond the last marker. @param {number} most */
function niceTop(most) {
  const step = 10 ** Math.floor(Math.log10(most)) / 2;
  return Math.ceil((most * 1.08) / step) * step;
}

/** @param {Placed} one */
function tradeoffTip(one) {
  const share = one.origin_share === null ? null : one.origin_share * 100;
  return tip(one.label, [
    `LCP of the worst 5 %: ${msText(one.lcp_worst_ms)}`,
    `oldest page served: ${figureText(one.oldest_s, "s")}`,
    `origin load: ${figureText(share, "%")}`,
    one.dominated_by.length ? `beaten on all three by ${one.dominated_by.join(", ")}` : "no other beats it on all three",
  ]);
}
