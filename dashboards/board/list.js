/** The list of runs: filters, and the choice of two to compare. */
import { byId, element } from "../report/page.js";
import { dateText, reportLink, stateOf, STATES } from "./words.js";

/** @typedef {import("./words.js").Run} Run */

const ROWS_AT_FIRST = 100;
/** @type {Record<string, [string, string]>} */
const SIGNS = { good: ["✓", "good"], ok: ["~", "ok"], bad: ["✗", "bad"] };

/** @type {Run[]} */
let runs = [];
let most = ROWS_AT_FIRST;
/** Names, in the order they were ticked. @type {string[]} */
let chosen = [];

const form = /** @type {HTMLFormElement} */ (byId("filters"));
const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));

export function startList() {
  form.addEventListener("input", filtered);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filtered));
  byId("more").addEventListener("click", () => {
    most += 400;
    showRows();
  });
  byId("pick").querySelector("button")?.addEventListener("click", () => {
    chosen = [];
    showRows();
  });
}

/** @param {Run[]} found newest first */
export function showList(found) {
  runs = found.filter((run) => run.kind !== "gate");
  choices("profile", runs.map((run) => run.profile));
  choices("strategy", runs.flatMap((run) => run.strategies.map((one) => one.name)));
  const known = new Set(runs.map(stateOf));
  options("state", Object.entries(STATES).flatMap(([value, [, words]]) => (known.has(/** @type {any} */ (value)) ? [[value, words]] : [])));
  chosen = chosen.filter((name) => runs.some((run) => run.name === name));
  showRows();
}

function filtered() {
  most = ROWS_AT_FIRST;
  showRows();
}

/** @param {string} name @param {(string | null)[]} values */
function choices(name, values) {
  const sorted = [...new Set(values.filter((value) => value !== null))].sort();
  options(name, sorted.map((value) => [value, value]));
}

/** What was chosen stays chosen. @param {string} name @param {string[][]} pairs value and words */
function options(name, pairs) {
  const select = field(name);
  const kept = select.value;
  select.replaceChildren(element("option", { value: "" }, "all"), ...pairs.map(([value, words]) => element("option", { value }, words)));
  select.value = pairs.some(([value]) => value === kept) ? kept : "";
}

/** @param {Run} run */
function matches(run) {
  const [profile, strategy, state] = ["profile", "strategy", "state"].map((name) => field(name).value);
  const text = field("text").value.trim().toLowerCase();
  if (profile && run.profile !== profile) return false;
  if (state && stateOf(run) !== state) return false;
  if (strategy && !run.strategies.some((one) => one.name === strategy)) return false;
  const said = [run.name, run.profile, run.commit, run.error, run.reason, ...run.strategies.map((one) => one.name)];
  return !text || said.some((one) => one?.toLowerCase().includes(text));
}

function showRows() {
  const found = runs.filter(matches);
  const shown = found.slice(0, most);
  const rows = shown.map(row);
  if (!rows.length) {
    const none = runs.length ? "No run fits these filters." : "No runs here yet. Start one with: rig run";
    rows.push(element("tr", {}, element("td", { colspan: "7", class: "text wide" }, none)));
  }
  byId("list").querySelector("tbody")?.replaceChildren(...rows);
  byId("matching").textContent = found.length === runs.length ? `${runs.length} runs` : `${found.length} of ${runs.length} runs`;
  const more = byId("more");
  more.hidden = found.length <= shown.length;
  more.textContent = `Show more (${shown.length} of ${found.length} shown)`;
  showChoice();
}

/** @param {Run} run */
function row(run) {
  const [grade, words] = STATES[stateOf(run)];
  const comparable = run.kind === "run" && run.analysed;
  const strategies = run.strategies.map(({ name, grade: verdict }) => {
    const [sign, word] = SIGNS[verdict ?? ""] ?? ["", "not graded"];
    return element("span", {}, element("span", { class: `sign-${verdict ?? "none"}`, title: word }, sign), ` ${name}`);
  });
  const said = [run.reason, run.error].filter((text) => text !== null).join("; ");
  const cell = (/** @type {string} */ more, /** @type {(Node | string)[]} */ ...children) => element("td", { class: `text ${more}` }, ...children);
  return element(
    "tr",
    {},
    cell("", ...(comparable ? [tick(run)] : [])),
    element("td", { class: `text when ${run.name.length > 48 ? "" : "short"}` }, dateText(run.created), element("small", {}, run.name)),
    cell(`wide ${(run.profile ?? "").length > 24 ? "" : "short"}`, run.profile ?? ""),
    cell("wide", element("span", { class: `state ${grade}` }, words), ...(said ? [element("span", { class: "said" }, said)] : [])),
    cell("wide", element("span", { class: "strategies" }, ...strategies)),
    cell(`wide ${(run.commit ?? "").length > 24 ? "" : "short"}`, ...(run.commit ? [element("code", {}, run.commit)] : [])),
    cell("wide short", ...link(run)),
  );
}

/** @param {Run} run */
function link(run) {
  if (run.state === "running" || (run.kind === "damaged" && !run.report && run.profile === null)) return [];
  // A name that is no text in UTF-8 has no address.
  if (!run.name.isWellFormed?.() && run.name.includes("\ufffd")) return [];
  return [reportLink(run, run.report ? "report" : "make report")];
}

/** @param {Run} run */
function tick(run) {
  const box = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", "aria-label": `Compare ${run.name}` }));
  box.checked = chosen.includes(run.name);
  box.addEventListener("change", () => {
    // A third one takes the place of the first.
    chosen = box.checked ? [...chosen, run.name].slice(-2) : chosen.filter((name) => name !== run.name);
    for (const other of byId("list").querySelectorAll("input")) other.checked = chosen.includes(other.getAttribute("aria-label")?.slice("Compare ".length) ?? "");
    showChoice();
  });
  return box;
}

function showChoice() {
  const pick = byId("pick");
  pick.hidden = !chosen.length;
  const place = /** @type {HTMLElement} */ (pick.querySelector("p"));
  const go = /** @type {HTMLAnchorElement} */ (pick.querySelector("a"));
  go.hidden = chosen.length < 2;
  // Newest first in the list, so what comes later in it is the older: A.
  const [b, a] = runs.map((run) => run.name).filter((name) => chosen.includes(name));
  if (a === undefined) {
    place.textContent = `${b}: tick another run to compare it with.`;
    return;
  }
  place.textContent = `A ${a}, B ${b}`;
  go.href = `compare?${new URLSearchParams({ a, b })}`;
}
