/** What a chart says under the pointer: elements with text, because labels, paths and errors come from the run. */
import { element } from "./page.js";
import { countText, instantText, msText } from "./words.js";

/** @param {string} title @param {string[]} lines */
export function tip(title, lines) {
  return element(
    "div",
    { class: "tip" },
    element("strong", {}, title),
    ...lines.map((line) => element("div", {}, line)),
  );
}

/**
 * All that happened at one instant of a trial: the instant, then line by line.
 * @param {import("./page.js").Trial} trial @param {number} bucket_s @param {number} at_s
 * @returns {string[]}
 */
export function instantLines(trial, bucket_s, at_s) {
  const bucket = Math.min(trial.count.length - 1, Math.max(0, Math.floor(at_s / bucket_s + 1e-6)));
  const failed = trial.failed[bucket] ? `, ${countText(trial.failed[bucket])} failed` : "";
  const lines = [`${countText(trial.count[bucket])} reads${failed}`];
  if (trial.max_ms[bucket] !== null) {
    lines.push(`slowest ${msText(trial.max_ms[bucket])}`, `median ${msText(trial.median_ms[bucket])}`);
  }
  lines.push(`${countText(trial.recomputes[bucket])} recomputes open`);
  trial.stampedes.forEach((one, number) => {
    if (one.begin_s <= at_s + bucket_s && at_s <= one.end_s) lines.push(stampedeText(one, number));
  });
  for (const { kind, begin_s, end_s } of trial.disturbances) {
    if (begin_s <= at_s + bucket_s && at_s <= (end_s ?? begin_s)) lines.push(kind);
  }
  for (const visit of trial.visits) {
    if (Math.abs(visit.at_s - at_s - bucket_s / 2) <= bucket_s) lines.push(visitText(visit));
  }
  return [instantText(bucket * bucket_s), ...lines];
}

/** @param {import("./page.js").Trial} trial @param {number} bucket_s @param {number} at_s */
export function instantTip(trial, bucket_s, at_s) {
  const [title, ...lines] = instantLines(trial, bucket_s, at_s);
  return tip(title, lines);
}

/** @param {import("./page.js").Stampede} one @param {number} number */
export function stampedeText(one, number) {
  return `stampede ${number + 1}: ${one.entry}, by ${one.cause}, peak ${countText(one.peak)}`;
}

/** @param {import("./page.js").Visit} visit */
export function visitText(visit) {
  if (visit.outcome !== "measured")
    return `visit ${visit.path}: ${visit.outcome} (${visit.cause ?? "no cause given"})`;
  return `visit ${visit.path}: LCP ${msText(visit.lcp_ms)}, cache ${visit.cache ?? "unknown"}`;
}
