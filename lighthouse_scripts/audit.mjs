/**
 * Lighthouse audits of one page under each strategy, cold and warm, one JSON line per audit on stdout, then one summary
 * line per strategy and state of the cache. What the fields mean: README.md.
 *
 * Exit codes: 0 audited, 1 budget exceeded, 2 usage, 3 no browser or a page that could not be audited, 130 interrupted.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { judge, readBudget } from "./budget.mjs";
import { medianRun, summarise } from "./figures.mjs";
import { unmeasured } from "./outcome.mjs";
import { readOptions, USAGE } from "./options.mjs";
import { Stop, usage } from "./stop.mjs";

/** @typedef {import("./options.mjs").Options} Options */

const END_S = 2;

const say = (/** @type {object} */ line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** @param {Options} options */
async function main(options) {
  const budget = options.budget === null ? null : readBudget(options.budget);
  if (options.reports !== null) makeFolder(options.reports);
  const pace = options.paced ? pacer() : null;
  const { startBrowser } = await import("./browser.mjs");
  const browser = await startBrowser(options.timeoutS);
  for (const [signal, number] of /** @type {const} */ ([["SIGINT", 2], ["SIGTERM", 15], ["SIGHUP", 1]])) {
    process.on(signal, () => end(browser, 128 + number));
  }
  pace?.onEnd(() => end(browser, 130));
  const groups = options.arms.flatMap((arm) => options.states.map((cache) => new Group(arm, cache, options)));
  try {
    // In turns: what drifts on the machine meets all of them alike.
    for (let run = 1; run <= options.runs; run += 1) {
      for (const group of groups) {
        if (pace) await pace.next({ type: "next", ...group.facts, run });
        await group.audit(browser, run);
      }
    }
  } finally {
    const verdicts = groups.filter((group) => group.audits.length).flatMap((group) => group.summary(budget));
    process.exitCode = exitCode(verdicts);
    await close(browser);
  }
}

/** The audits of one strategy in one state of the cache. */
class Group {
  /** @param {import("./options.mjs").Arm} arm @param {string} cache @param {Options} options */
  constructor(arm, cache, options) {
    [this.arm, this.cache, this.options] = [arm, cache, options];
    this.facts = { url: arm.url, preset: options.preset, strategy: arm.name, cache };
    /** @type {any[]} */
    this.audits = [];
  }

  /** @param {any} browser @param {number} run */
  async audit(browser, run) {
    const { audit } = await import("./page.mjs");
    const began = performance.now();
    const { html, ...found } = await audit(browser, this.arm, this.cache, this.options).catch((error) => {
      if (error instanceof Stop) return unmeasured(error.message);
      throw error;
    });
    const wall_s = Math.round(performance.now() - began) / 1000;
    const { error, ...measured } = found;
    say({ type: "audit", ...this.facts, run, ...measured, wall_s, error });
    if (error) throw this.failure(error);
    this.audits.push({ run, ...measured });
    if (this.options.reports !== null) writeFileSync(this.report(run), html);
  }

  /** @param {string} why */
  failure(why) {
    const { url, strategy, cache } = this.facts;
    const of = strategy === null ? "" : ` (${strategy}, ${cache})`;
    return new Stop(`${url}${of} could not be audited: ${why}`, 3);
  }

  /** @param {import("./budget.mjs").Budget | null} budget */
  summary(budget) {
    const median = medianRun([...this.audits]);
    const figures = summarise(this.audits);
    const judged = budget === null ? null : judge(budget, this.cache, figures);
    const counted = { runs: this.options.runs, audited: this.audits.length };
    const report = this.options.reports === null || median === null ? null : this.report(median);
    for (const { run } of this.options.reports === null ? [] : this.audits) {
      if (run !== median) rmSync(this.report(run));
    }
    say({ type: "summary", ...this.facts, ...counted, figures, median_run: median, report, budget: judged });
    return (judged ?? []).map((one) => ({ ...this.facts, ...one }));
  }

  /** @param {number} run */
  report(run) {
    const name = [this.arm.name ?? "page", this.cache, run].join("-");
    return join(/** @type {string} */ (this.options.reports), `${name}.html`);
  }
}

/** Says what is over its budget. @param {any[]} verdicts */
function exitCode(verdicts) {
  for (const one of verdicts.filter(({ verdict }) => verdict !== "pass")) {
    const found = one.median === null ? "was not measured" : `is ${Number(one.median.toFixed(3))}`;
    const bound = one.figure === "performance_score" ? "at least" : "at most";
    const of = [one.strategy ?? one.url, one.cache].join(", ");
    process.stderr.write(`audit: ${of}: ${one.figure} ${found}, the budget is ${bound} ${one.limit}\n`);
  }
  if (verdicts.some(({ verdict }) => verdict === "not measured")) return 3;
  return verdicts.some(({ verdict }) => verdict === "fail") ? 1 : 0;
}

/** Each audit waits for a line on stdin; its end is the end. */
function pacer() {
  const lines = createInterface({ input: process.stdin });
  /** @type {(() => void) | null} */
  let go = null;
  // It may end before anybody asks.
  const ended = new Promise((resolve) => lines.on("close", () => resolve(null)));
  lines.on("line", () => go?.());
  return {
    /** @param {object} line @returns {Promise<void>} */
    next: (line) =>
      new Promise((resolve) => {
        go = resolve;
        say(line);
      }),
    /** @param {() => void} then */
    onEnd: (then) => ended.then(then),
  };
}

/** @param {string} folder */
function makeFolder(folder) {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw usage(`--reports ${folder}: no such folder can be made (${error.code})`);
  }
}

/** Its profile is removed when it has ended in order; else it ends with the pipe. @param {any} browser */
function close(browser) {
  return Promise.race([browser.close(), new Promise((resolve) => setTimeout(resolve, END_S * 1000))]).catch(() => {});
}

/** @param {any} browser @param {number} code */
async function end(browser, code) {
  await close(browser);
  process.exit(code);
}

try {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options) await main(options);
  else process.stdout.write(`${USAGE}\n`);
} catch (error) {
  const message = error instanceof Stop ? error.message : `the audit broke off: ${error?.message ?? error}`;
  process.stderr.write(`audit: ${message.replaceAll("\n", " ")}\n`);
  process.exitCode = error instanceof Stop ? error.exitCode : 3;
}
// What an audit left waiting (a page that never answers, standard input) must not keep the process.
process.exit();
