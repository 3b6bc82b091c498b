/** What lies on the time axis: timelines and ages, with their rounds, zoom, instant and selected stampede. */
import { AGES_Y, agesTable, showAges } from "./ages.js";
import { draw, undraw } from "./charts.js";
import { bucketTable, ledgerTable } from "./ledger.js";
import { link } from "./linked.js";
import { byId, element, rowsOf } from "./page.js";
import { instantLines } from "./tooltip.js";
import { instantText } from "./words.js";
import { timelineOption } from "./timeline.js";
import { timelineLegend } from "./timeline-series.js";

/** Within the uppermost grid of a row, pixels. */
const POINTER_Y = 60;

/**
 * @param {import("./page.js").Data} data
 * @param {(chosen: import("./page.js").Selection | null) => void} chosen told of a stampede chosen here
 * @returns {(selection: import("./page.js").Selection | null) => void} shows another selection
 */
export function startTimelines(data, chosen) {
  const rows = rowsOf("#timeline-rows .timeline-row");
  let round = firstRound(data);
  /** @type {import("./page.js").Selection | null} */
  let selection = null;

  const show = () => {
    const trials = data.trials.filter((trial) => trial.round === round);
    const charts = rows.map((row, n) =>
      showRow(
        row,
        trials.find((trial) => trial.arm === n),
        data,
        selection,
        n === rows.length - 1,
        chosen,
      ),
    );
    const drawn = charts.filter(Boolean);
    const ages = showAges(data, round, selection);
    connect(drawn, "timelines");
    connect(ages, "ages");
    if (drawn.length && ages.length) link({ chart: drawn[0], y: POINTER_Y }, { chart: ages[0], y: AGES_Y });
    zoomButtons(drawn[0]);
    startInstant(data, drawn[0]);
    for (const said of rowsOf(".round-shown")) said.textContent = `Round ${round} of ${data.rounds.length}.`;
    fill("ledger", () => ledgerTable(data, round, selection, chosen));
    fill("timeline-data", () => bucketTable(data, round));
    fill("ages-data", () => agesTable(data, round));
  };

  byId("timeline-legend").append(...timelineLegend(data.trials.some((trial) => trial.disturbances.length > 0)));
  const press = roundButtons(data.rounds, (next) => {
    round = next;
    chosen(null);
  });
  press(round);
  show();
  return (next) => {
    selection = next;
    if (next) {
      round = next.round;
      press(round);
    }
    show();
    if (next) /** @type {HTMLDetailsElement} */ (byId("ledger")).open = true;
  };
}

/**
 * @param {HTMLElement} row @param {import("./page.js").Trial | undefined} trial @param {import("./page.js").Data} data
 * @param {import("./page.js").Selection | null} selection @param {boolean} last
 * @param {(chosen: import("./page.js").Selection) => void} chosen
 */
function showRow(row, trial, data, selection, last, chosen) {
  const place = /** @type {HTMLElement} */ (row.querySelector(".chart"));
  const note = /** @type {HTMLElement} */ (row.querySelector(".timeline-note"));
  place.classList.toggle("empty", !trial);
  if (!trial) {
    undraw(place);
    place.classList.remove("drawn");
    note.textContent = "";
    place.textContent = "Not measured in this round.";
    return null;
  }
  if (place.classList.contains("drawn") === false) place.textContent = "";
  place.classList.add("drawn");
  note.textContent = noteOf(trial, data.threads);
  const selected =
    selection && selection.arm === trial.arm && selection.round === trial.round ? selection.stampede : null;
  const chart = draw(place, timelineOption(trial, { data, ...shared(data), selected, last }));
  const instant = /** @type {HTMLElement} */ (row.querySelector(".timeline-instant"));
  for (const event of ["updateAxisPointer", "dataZoom"]) chart.off(event);
  chart.on("updateAxisPointer", (/** @type {any} */ { axesInfo }) => {
    const lines = axesInfo?.length ? instantLines(trial, data.bucket_s, axesInfo[0].value) : [];
    instant.replaceChildren(...lines.map((text) => element("span", {}, text)));
  });
  chart.off("click");
  chart.on("click", (/** @type {any} */ hit) => {
    if (hit.componentType === "markArea") chosen({ arm: trial.arm, round: trial.round, stampede: hit.dataIndex });
  });
  return chart;
}

/** The round to begin with: the first of those with most trials in the figures. @param {import("./page.js").Data} data */
function firstRound({ rounds, trials }) {
  const sound = (/** @type {number} */ round) =>
    trials.filter((trial) => trial.round === round && !trial.kept_out.length).length;
  return rounds.reduce((best, round) => (sound(round) > sound(best) ? round : best), rounds[0] ?? 1);
}

/** @param {any[]} charts of one shape @param {string} group */
function connect(charts, group) {
  for (const chart of charts) chart.group = group;
  // @ts-ignore: echarts is a script of the page, not a module
  echarts.connect(group);
}

/** The ends of the axes that all rows of all rounds share. @param {import("./page.js").Data} data */
function shared(data) {
  let slowest = 100;
  let most = 1;
  for (const trial of data.trials) {
    for (const value of trial.max_ms) if (value !== null && value > slowest) slowest = value;
    for (const { lcp_ms } of trial.visits) if (lcp_ms !== null && lcp_ms > slowest) slowest = lcp_ms;
    for (const value of trial.recomputes) if (value > most) most = value;
  }
  return { topMs: 10 ** Math.ceil(Math.log10(slowest)), mostOpen: most };
}

/**
 * A peak within one of the number of threads may have been higher with more.
 * @param {import("./page.js").Trial} trial @param {number | null} threads
 */
function noteOf(trial, threads) {
  const number = trial.stampedes.length;
  const peak = Math.max(0, ...trial.stampedes.map((one) => one.peak));
  const capped = threads !== null && peak >= threads - 1 ? ", capped by threads" : "";
  const text = number ? `${number} ${number === 1 ? "stampede" : "stampedes"}, peak ${peak}${capped}` : "no stampede";
  return trial.kept_out.length ? `${text}; kept out of the figures: ${trial.kept_out.join(", ")}` : text;
}

/**
 * @param {number[]} rounds @param {(round: number) => void} choose
 * @returns {(round: number) => void} shows which round is chosen
 */
function roundButtons(rounds, choose) {
  const buttons = rounds.map((round) =>
    element("button", { type: "button", "aria-pressed": "false" }, `Round ${round}`),
  );
  const press = (/** @type {number} */ round) =>
    buttons.forEach((button, n) => button.setAttribute("aria-pressed", String(rounds[n] === round)));
  buttons.forEach((button, n) =>
    button.addEventListener("click", () => {
      press(rounds[n]);
      choose(rounds[n]);
    }),
  );
  byId("rounds").replaceChildren(...buttons);
  return press;
}

/** Zoom without a mouse. The connected rows follow. @param {any} chart */
function zoomButtons(chart) {
  const steps = {
    in: (/** @type {number} */ a, /** @type {number} */ b) => [a + (b - a) / 4, b - (b - a) / 4],
    out: (/** @type {number} */ a, /** @type {number} */ b) => [a - (b - a) / 2, b + (b - a) / 2],
    back: (/** @type {number} */ a, /** @type {number} */ b) => [
      Math.max(0, a - (b - a) / 2),
      b - Math.min(a, (b - a) / 2),
    ],
    on: (/** @type {number} */ a, /** @type {number} */ b) => [
      a + Math.min(100 - b, (b - a) / 2),
      Math.min(100, b + (b - a) / 2),
    ],
    all: () => [0, 100],
  };
  for (const [name, step] of Object.entries(steps)) {
    const button = /** @type {HTMLButtonElement} */ (document.querySelector(`[data-zoom="${name}"]`));
    button.disabled = !chart;
    button.onclick = () => {
      const { start, end } = chart.getOption().dataZoom[0];
      const [from, to] = step(start, end);
      chart.dispatchAction({ type: "dataZoom", dataZoomIndex: 0, start: Math.max(0, from), end: Math.min(100, to) });
    };
  }
}

/**
 * The pointer without a mouse: the same instant in all rows, by the arrow keys.
 * @param {import("./page.js").Data} data @param {any} chart
 */
function startInstant(data, chart) {
  const range = /** @type {HTMLInputElement} */ (byId("instant"));
  range.max = String(data.window_s);
  range.step = String(data.bucket_s);
  range.disabled = !chart;
  range.oninput = () => {
    const at_s = Number(range.value) + data.bucket_s / 2;
    range.setAttribute("aria-valuetext", instantText(Number(range.value)));
    const x = chart.convertToPixel({ xAxisIndex: 0 }, at_s);
    chart.dispatchAction({ type: "updateAxisPointer", currTrigger: "mousemove", x, y: POINTER_Y });
  };
}

/** @param {string} id @param {() => HTMLElement} make */
function fill(id, make) {
  const details = /** @type {HTMLDetailsElement} */ (byId(id));
  const place = /** @type {HTMLElement} */ (details.querySelector(".scroll"));
  const refresh = () => place.replaceChildren(...(details.open ? [make()] : []));
  details.ontoggle = refresh;
  refresh();
  place.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}
