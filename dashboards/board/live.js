/** The runs being measured now, as the server tells them. */
import { byId, element } from "../report/page.js";
import { countText, figureText, msText } from "../report/words.js";

/**
 * @typedef {{name: string, profile: string | null, sealed: number, of: number | null, window_s: number | null,
 *   visits_planned: number | null, trial: string | null, round: number | null, phase: string, at_s: number | null,
 *   visits: number | null, lcp_ms: number | null}} Progress
 */

/** @param {Progress[]} running */
export function showLive(running) {
  const place = byId("live");
  place.hidden = !running.length;
  place.replaceChildren(...running.map(block));
}

/** @param {Progress} run */
function block(run) {
  const within = run.at_s !== null && run.window_s ? Math.min(1, run.at_s / run.window_s) : 0;
  const done = run.of === null ? {} : { max: String(run.of), value: String(run.sealed + (run.trial ? within : 0)) };
  const bar = element("progress", { ...done, "aria-label": `Trials of ${run.name}` });
  const facts = [
    ["trials finished", run.of === null ? countText(run.sealed) : `${countText(run.sealed)} of ${countText(run.of)}`],
    ["now", run.trial ? `${run.trial}${run.round === null ? "" : `, round ${run.round}`}: ${phase(run)}` : run.phase],
  ];
  if (run.visits) {
    facts.push(["page visits of this trial", run.visits_planned ? `${countText(run.visits)} of ${countText(run.visits_planned)}` : countText(run.visits)]);
    facts.push(["their LCP so far, median", msText(run.lcp_ms)]);
  }
  const listed = facts.map(([what, value]) => element("div", {}, element("dt", {}, what), element("dd", {}, value)));
  return element("div", { class: "live-run" }, element("h2", {}, `● ${run.profile ?? "A run"} is being measured: ${run.name}`), bar, element("dl", { class: "facts" }, ...listed));
}

/** @param {Progress} run */
function phase(run) {
  if (run.phase !== "measuring" || run.at_s === null || run.window_s === null) return run.phase;
  if (run.at_s > run.window_s) return "settling";
  return `${figureText(Math.floor(run.at_s), "s")} of ${figureText(run.window_s, "s")}`;
}
