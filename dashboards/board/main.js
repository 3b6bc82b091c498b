/** Starts the page of all runs: what the server tells decides when something is asked for. */
import { repaint } from "../report/charts.js";
import { byId, element } from "../report/page.js";
import { startTheme } from "../report/theme.js";
import { countText } from "../report/words.js";
import { showGates } from "./gates.js";
import { showHistory, startHistory } from "./history.js";
import { showList, startList } from "./list.js";
import { showLive } from "./live.js";

/** Sign, word and colour of the connection; never the colour alone. */
const STATES = {
  reading: ["plain", "◌ reading the runs"],
  live: ["good", "● up to date"],
  lost: ["bad", "✗ connection lost, trying again"],
  gone: ["bad", "✗ not connected: the server has ended, or too many pages are open"],
};
const SECTIONS = ["over-time", "runs", "gates"];

/** @param {keyof typeof STATES} name a screen reader hears of changes only */
function say(name) {
  const [grade, text] = STATES[name];
  const status = byId("status");
  if (status.textContent === text) return;
  status.textContent = text;
  status.className = `badge ${grade}`;
}

/** @param {{done: number, total: number}} at */
function showReading({ done, total }) {
  const bar = /** @type {HTMLProgressElement} */ (byId("reading"));
  bar.hidden = false;
  bar.max = total || 1;
  bar.value = done;
  say("reading");
  byId("finding").replaceChildren(element("span", { class: "first" }, `Reading the runs: ${countText(done)} of ${countText(total)}. The next time only what has changed is read.`));
}

/** @type {string | null} the profile chosen, or that of the newest run */
let profile = null;
let asking = false;
let again = false;

/** One question at a time; what changed meanwhile is asked for once, afterwards. */
async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const found = await (await fetch("api/runs")).json();
    if (found.ready) await show(found);
  } finally {
    asking = false;
  }
  if (again) {
    again = false;
    await refresh();
  }
}

/** @param {{runs: import("./words.js").Run[], profiles: {name: string, runs: number}[], folder: string}} found */
async function show({ runs, profiles, folder }) {
  byId("reading").hidden = true;
  for (const id of SECTIONS) byId(id).hidden = false;
  byId("counted").textContent = `· ${countText(runs.filter((run) => run.kind !== "gate").length)}`;
  byId("folder").textContent = ` from ${folder}`;
  showList(runs);
  showGates(runs);
  if (!profiles.some((one) => one.name === profile)) profile = (profiles.find((one) => one.runs) ?? profiles[0])?.name ?? null;
  profileChoice(profiles);
  byId("over-time").hidden = profile === null;
  if (profile === null) byId("finding").replaceChildren(element("span", { class: "first" }, "No runs here yet. Start one with: rig run"));
  else await drawHistory();
  say("live");
}

async function drawHistory() {
  const history = await (await fetch(`api/history?${new URLSearchParams({ profile: profile ?? "" })}`)).json();
  const [first, ...more] = history.sentences;
  const said = [element("span", { class: "first" }, `${profile || "Runs"}: ${first}`), ...more.map((/** @type {string} */ text) => element("span", { class: "more" }, text))];
  byId("finding").replaceChildren(...said);
  showHistory(history);
}

/** @param {{name: string, runs: number}[]} profiles */
function profileChoice(profiles) {
  const select = /** @type {HTMLSelectElement} */ (byId("profile"));
  const words = (/** @type {{name: string, runs: number}} */ one) => `${one.name || "no name"} (${one.runs})`;
  select.replaceChildren(...profiles.map((one) => element("option", { value: one.name }, words(one))));
  select.value = profile ?? "";
}

function start() {
  const stream = new EventSource("stream");
  stream.addEventListener("index", ({ data }) => showReading(JSON.parse(data)));
  stream.addEventListener("runs", () => refresh().catch(() => say("lost")));
  stream.addEventListener("live", ({ data }) => showLive(JSON.parse(data)));
  stream.addEventListener("error", () => say(stream.readyState === EventSource.CLOSED ? "gone" : "lost"));
  stream.addEventListener("open", () => !byId("over-time").hidden && say("live"));
  byId("profile").addEventListener("change", (event) => {
    profile = /** @type {HTMLSelectElement} */ (event.target).value;
    drawHistory().catch(() => say("lost"));
  });
}

document.documentElement.classList.add("js");
startTheme(repaint);
startList();
startHistory();
start();
