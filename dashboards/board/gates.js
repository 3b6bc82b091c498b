/** Gates and their verdicts. */
import { byId, element, tableOf } from "../report/page.js";
import { countText, figureText, NOT_MEASURED } from "../report/words.js";
import { dateText, reportLink } from "./words.js";

/** @type {Record<string, [string, string]>} */
const VERDICTS = {
  pass: ["good", "✓ pass"],
  fail: ["bad", "✗ fail"],
  inconclusive: ["ok", "? inconclusive"],
  invalid: ["bad", "! invalid"],
  not_applicable: ["plain", "· not applicable"],
};

/** @param {import("./words.js").Run[]} found */
export function showGates(found) {
  const gates = found.filter((run) => run.kind === "gate");
  const none = element("p", { class: "muted" }, "No gate has been run here.");
  byId("gate-list").replaceChildren(...(gates.length ? gates.map(block) : [none]));
}

/** @param {import("./words.js").Run} run */
function block(run) {
  const gate = /** @type {import("./words.js").Gate} */ (run.gate);
  const cost = [
    gate.launches === null ? "" : `${countText(gate.launches)} launches`,
    gate.seconds === null ? "" : figureText(gate.seconds / 60, "min"),
  ].filter(Boolean).join(", ");
  const head = element(
    "h3",
    {},
    verdict(run.state),
    element("span", {}, `${gate.candidate ?? "candidate"} against ${gate.baseline ?? "baseline"}`),
    element("span", { class: "muted" }, [dateText(run.created), cost].filter(Boolean).join(" · ")),
    reportLink(run, run.report ? "report" : "make report"),
  );
  const reasons = gate.reasons.length ? [element("ul", {}, ...gate.reasons.map((text) => element("li", {}, text)))] : [];
  return element("article", { class: "gate" }, head, ...reasons, ...(gate.metrics.length ? [metrics(gate)] : []));
}

/** @param {import("./words.js").Gate} gate */
function metrics(gate) {
  const rows = gate.metrics.map((one) => {
    const kind = one.kind ?? "";
    const range = one.lower === null || one.upper === null ? NOT_MEASURED : `${value(one.lower, kind)} to ${value(one.upper, kind)}`;
    return [one.name ?? "", verdict(one.verdict ?? ""), value(one.value, kind), range, value(one.margin, kind)];
  });
  const table = tableOf(["metric", "verdict", "candidate against baseline", "interval", "margin"], rows, 2);
  const title = gate.metrics.length === 1 ? "1 metric" : `${gate.metrics.length} metrics`;
  return element("details", {}, element("summary", {}, title), element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, table));
}

/** @param {number | null} figure @param {string} kind a ratio is of the baseline, a difference is one of shares */
function value(figure, kind) {
  if (figure === null) return NOT_MEASURED;
  return kind === "ratio" ? `× ${figureText(figure, "")}` : figureText(figure * 100, "points");
}

/** @param {string} name */
function verdict(name) {
  // Text of a stranger's: an object answers to names that nobody gave it.
  const [grade, words] = Object.hasOwn(VERDICTS, name) ? VERDICTS[name] : ["plain", name];
  return element("span", { class: `state ${grade}` }, words);
}
