/** Starts the page. */
import { draw, repaint, resizeAll } from "./charts.js";
import { dotsHeight, dotsOption, groupsOf, sharesOption } from "./lcp.js";
import { startEvidence } from "./evidence.js";
import { byId, rowsOf } from "./page.js";
import { tradeoffOption } from "./pareto.js";
import { partsHeight, partsLegend, partsOption } from "./parts.js";
import { startDownloads } from "./sheets.js";
import { startTheme } from "./theme.js";
import { startTimelines } from "./timelines.js";

/** @type {import("./page.js").Data} */
const data = JSON.parse(byId("data").textContent ?? "");

/** @param {string} id @param {number} height_px */
function place(id, height_px) {
  const found = byId(id);
  found.style.height = `${height_px}px`;
  return found;
}

/** @param {import("./page.js").Selection | null} selection */
function showLcp(selection) {
  const groups = groupsOf(data, selection);
  const height_px = dotsHeight(data.arms.length);
  draw(place("lcp-dots", height_px), dotsOption(data, groups));
  draw(place("lcp-shares", Math.min(height_px, 420)), sharesOption(data, groups));
  draw(place("lcp-parts", partsHeight(data.arms.length)), partsOption(data, groups));
  showSlowest(selection);
  const note = /** @type {HTMLElement} */ (document.querySelector(".selection"));
  note.hidden = !selection;
  if (selection) {
    const label = data.arms[selection.arm].label;
    const visits = groups.reduce((sum, group) => sum + group.calm.length + group.inside.length, 0);
    const met = visits ? `${visits} measured ${visits === 1 ? "visit" : "visits"}` : "no measured visit met it";
    /** @type {HTMLElement} */ (note.querySelector("span")).textContent =
      `Below: only what met stampede ${selection.stampede + 1} of ${label}, round ${selection.round} (${met}).`;
  }
}

/** Of the slowest visits those that met the selected stampede. @param {import("./page.js").Selection | null} selection */
function showSlowest(selection) {
  const met = (/** @type {HTMLElement} */ { dataset }) =>
    !selection ||
    (Number(dataset.arm) === selection.arm &&
      Number(dataset.round) === selection.round &&
      dataset.stampede === String(selection.stampede));
  for (const visit of rowsOf("article.slow")) visit.hidden = !met(visit);
  const none = document.getElementById("slow-none");
  if (none) none.hidden = Boolean(document.querySelector("article.slow:not([hidden])"));
  for (const arm of rowsOf(".slow-arm")) arm.hidden = !arm.querySelector("article.slow:not([hidden])");
  for (const more of /** @type {HTMLDetailsElement[]} */ (rowsOf(".slow-more"))) {
    more.hidden = !more.querySelector("article.slow:not([hidden])");
    if (selection && !more.hidden) more.open = true;
  }
}

function startCopy() {
  const button = document.getElementById("copy");
  button?.addEventListener("click", async () => {
    const command = byId("command");
    try {
      await navigator.clipboard.writeText(command.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      // Where the clipboard is refused, the reader's own copy key finds the text selected.
      getSelection()?.selectAllChildren(command);
    }
  });
}

function startPrinting() {
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = /** @type {HTMLDetailsElement[]} */ ([...document.querySelectorAll("details[data-print]:not([open])")]);
    for (const one of opened) one.open = true;
    repaint();
    resizeAll(680);
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    resizeAll();
    repaint();
  });
}

document.documentElement.classList.add("js");
startTheme(repaint);
const showTimelines = startTimelines(data, select);
/** @param {import("./page.js").Selection | null} selection */
function select(selection) {
  showTimelines(selection);
  showLcp(selection);
}
showLcp(null);
byId("parts-legend").append(...partsLegend(data));
draw(byId("tradeoff"), tradeoffOption(data));
document.querySelector(".selection button")?.addEventListener("click", () => select(null));
startEvidence(select);
startDownloads(data, document.body.dataset.run ?? "run");
startCopy();
startPrinting();
