/** Starts the page. */
import { draw, repaint, resizeAll } from "./charts.js";
import { dotsHeight, dotsOption, groupsOf, sharesOption } from "./lcp.js";
import { startEvidence } from "./evidence.js";
import { byId } from "./page.js";
import { partsHeight, partsLegend, partsOption, tradeoffOption } from "./parts.js";
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
  const note = /** @type {HTMLElement} */ (document.querySelector(".selection"));
  note.hidden = !selection;
  if (selection) {
    const label = data.arms[selection.arm].label;
    /** @type {HTMLElement} */ (note.querySelector("span")).textContent =
      `Only visits that met stampede ${selection.stampede + 1} of ${label}, round ${selection.round}.`;
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
draw(place("lcp-parts", partsHeight(data.arms.length)), partsOption(data));
byId("parts-legend").append(...partsLegend(data));
draw(place("tradeoff", 320), tradeoffOption(data));
document.querySelector(".selection button")?.addEventListener("click", () => select(null));
startEvidence(select);
startCopy();
startPrinting();
