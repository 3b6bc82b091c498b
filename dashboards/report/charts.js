/** One place that makes, resizes and repaints charts. */
import { themeColours } from "./page.js";

/** @typedef {(colour: (name: string) => string, width: number) => object} OptionMaker */

/** @type {Map<HTMLElement, {chart: any, make: OptionMaker}>} */
const drawn = new Map();

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const entry = drawn.get(/** @type {HTMLElement} */ (target));
    if (entry && target.clientWidth && target.clientWidth !== entry.chart.getWidth()) {
      entry.chart.resize();
      paint(entry);
    }
  }
});

/**
 * Draw into an element, or draw it anew. SVG: crisp at every zoom and in print.
 * @param {HTMLElement} place @param {OptionMaker} make
 */
export function draw(place, make) {
  let entry = drawn.get(place);
  if (!entry) {
    // @ts-ignore: echarts is a script of the page, not a module
    entry = { chart: echarts.init(place, null, { renderer: "svg" }), make };
    drawn.set(place, entry);
    resized.observe(place);
  }
  entry.make = make;
  paint(entry);
  return entry.chart;
}

/** @param {HTMLElement} place */
export function undraw(place) {
  const entry = drawn.get(place);
  if (!entry) return;
  resized.unobserve(place);
  entry.chart.dispose();
  drawn.delete(place);
}

/** Repaint everything in the colours of now. */
export function repaint() {
  for (const entry of drawn.values()) paint(entry);
}

/** Paper is narrower than a screen, and its layout is made before the observer hears of it. @param {number} [width] */
export function resizeAll(width) {
  for (const entry of drawn.values()) entry.chart.resize(width ? { width } : { width: "auto" });
}

/** @param {{chart: any, make: OptionMaker}} entry */
function paint({ chart, make }) {
  const option = make(themeColours(), chart.getWidth());
  const kept = chart.getOption()?.dataZoom?.map((/** @type {any} */ zoom) => ({ start: zoom.start, end: zoom.end }));
  chart.setOption(option, { notMerge: true });
  // A repaint must not lose the part of time the reader looks at.
  if (kept?.[0] && /** @type {any} */ (option).dataZoom) chart.dispatchAction({ type: "dataZoom", ...kept[0] });
}

/**
 * What all charts have in common.
 * @param {(name: string) => string} colour
 */
export function base(colour) {
  return {
    animation: false,
    textStyle: { fontFamily: "system-ui, sans-serif", color: colour("ink"), fontSize: 12 },
    tooltip: {
      backgroundColor: colour("paper"),
      borderColor: colour("line"),
      padding: [6, 10],
      confine: true,
      textStyle: { color: colour("ink"), fontSize: 12.5 },
      extraCssText: "box-shadow: 0 2px 10px #0003; max-width: 320px; white-space: normal;",
    },
  };
}

/**
 * An axis in the colours of the theme.
 * @param {(name: string) => string} colour @param {object} more
 */
export function axis(colour, more) {
  return {
    axisLine: { lineStyle: { color: colour("line") } },
    axisTick: { show: false },
    axisLabel: { color: colour("muted") },
    splitLine: { lineStyle: { color: colour("line"), width: 0.6 } },
    minorSplitLine: { show: false },
    nameTextStyle: { color: colour("muted") },
    ...more,
  };
}

/**
 * Labels of the two lanes of a strategy: its name above "calm", and "in stampede".
 * @param {(name: string) => string} colour @param {boolean} narrow
 */
export function laneLabel(colour, narrow) {
  return {
    color: colour("ink"),
    width: narrow ? 104 : 142,
    overflow: "truncate",
    interval: 0,
    lineHeight: 16,
    rich: { muted: { color: colour("muted"), fontSize: 11, lineHeight: 16 } },
    // Braces in a name would start a style of the library.
    formatter: (/** @type {string} */ label, /** @type {number} */ lane) =>
      lane % 2 ? "{muted|in stampede}" : `${label.replace(/[{}|]/g, "")}\n{muted|calm}`,
  };
}
