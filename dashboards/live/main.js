/** Starts the live page: the state once, then what changes. */
import { draw, repaint } from "../report/charts.js";
import { byId } from "../report/page.js";
import { startTheme } from "../report/theme.js";
import { figureText } from "../report/words.js";
import { legend, pictureOption } from "./picture.js";
import { merged, stateOf } from "./state.js";
import { bucketsTable, endedTable, marksTable, totalsList, visitsTable } from "./tables.js";

/** @type {Record<string, (trial: import("./state.js").LiveTrial) => HTMLElement>} */
const TABLES = { marks: marksTable, visits: visitsTable, buckets: bucketsTable };
/** Sign, word and colour of the state of things; never the colour alone. */
const STATES = {
  running: ["good", "● measuring"],
  between: ["plain", "◌ between trials"],
  waiting: ["plain", "◌ waiting for the first trial"],
  lost: ["bad", "✗ connection lost, trying again"],
  gone: ["bad", "✗ not connected: the run has ended, or too many pages watch it"],
};

/** @type {import("./state.js").State | null} */
let state = null;
/** Where the pointer is on the picture. @type {{x: number, y: number} | null} */
let pointer = null;

function show() {
  // Nobody looks: the machine is better used for the measurement.
  if (!state || document.hidden) return;
  const { trial, facts, ended } = state;
  byId("profile").textContent = facts.profile ? `· ${facts.profile}` : "";
  say(trial ? (trial.ended ? "between" : "running") : "waiting");
  if (trial) showTrial(trial);
  byId("ended").hidden = !ended.size;
  if (ended.size) byId("ended").querySelector(".scroll")?.replaceChildren(endedTable(ended));
}

/** @param {import("./state.js").LiveTrial} trial */
function showTrial(trial) {
  const round = trial.round === null ? "" : `, round ${trial.round}`;
  const title = `Trial ${trial.number} of ${trial.of}: ${trial.arm}${round}`;
  if (byId("now-title").textContent !== title) byId("now-title").textContent = title;
  byId("bucket").textContent = trial.bucket_s < 1 ? figureText(trial.bucket_s * 1000, "ms") : figureText(trial.bucket_s, "s");
  byId("totals").replaceChildren(...totalsList(trial.totals));
  byId("picture").hidden = false;
  const chart = draw(byId("picture"), pictureOption(/** @type {import("./state.js").State} */ (state), trial));
  // Drawn anew, a chart forgets what it said under the pointer.
  if (pointer) chart.dispatchAction({ type: "showTip", ...pointer });
  for (const id of Object.keys(TABLES)) fill(id, trial);
}

/** A table is made while it is open only, and keeps its place. @param {string} id @param {import("./state.js").LiveTrial} trial */
function fill(id, trial) {
  const details = /** @type {HTMLDetailsElement} */ (byId(id));
  const place = /** @type {HTMLElement} */ (details.querySelector(".scroll"));
  const { scrollTop } = place;
  place.replaceChildren(...(details.open ? [TABLES[id](trial)] : []));
  place.scrollTop = scrollTop;
}

/** @param {keyof typeof STATES} name a screen reader hears of changes only */
function say(name) {
  const [grade, text] = STATES[name];
  const status = byId("status");
  if (status.textContent === text) return;
  status.textContent = text;
  status.className = `badge ${grade}`;
}

async function start() {
  const first = await (await fetch("state")).json();
  state = stateOf(first);
  show();
  const stream = new EventSource(`stream?since=${first.revision}`);
  stream.addEventListener("message", ({ data }) => {
    const delta = JSON.parse(data);
    // Another process answers at this address now: another run.
    if (state && delta.feed !== state.feed) location.reload();
    else if (state) state = merged(state, delta);
    show();
  });
  stream.addEventListener("open", show);
  stream.addEventListener("error", () => say(stream.readyState === EventSource.CLOSED ? "gone" : "lost"));
}

/** In Locust's tab the frame follows Locust's colours. */
function startEmbedded() {
  document.documentElement.classList.add("embedded");
  /** @type {HTMLElement} */ (document.querySelector(".alone")).hidden = false;
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== parent || origin !== location.origin || !["light", "dark"].includes(data?.theme)) return;
    document.documentElement.dataset.theme = data.theme;
    repaint();
  });
  parent.postMessage({ rig: "ready" }, location.origin);
}

function startPointer() {
  const place = byId("picture");
  place.addEventListener("pointermove", ({ clientX, clientY }) => {
    const { left, top } = place.getBoundingClientRect();
    pointer = { x: clientX - left, y: clientY - top };
  });
  place.addEventListener("pointerleave", () => {
    pointer = null;
  });
}

document.documentElement.classList.add("js");
startPointer();
startTheme(repaint);
if (parent !== window) startEmbedded();
byId("legend").append(...legend());
for (const id of Object.keys(TABLES)) byId(id).addEventListener("toggle", () => state?.trial && fill(id, state.trial));
document.addEventListener("visibilitychange", show);
start().catch(() => say("gone"));
