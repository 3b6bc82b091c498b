/** Limits of medians, by state of the cache. */
import { readFileSync } from "node:fs";

import { NAMES } from "./figures.mjs";
import { CACHE_STATES } from "./options.mjs";
import { usage } from "./stop.mjs";

/** @typedef {Record<string, Record<string, number>>} Budget */

/** @param {string} file @returns {Budget} */
export function readBudget(file) {
  let budget;
  try {
    budget = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw usage(`--budget ${file}: ${error.code === "ENOENT" ? "no such file" : error.message}`);
  }
  if (!isObject(budget)) throw usage(`--budget ${file}: write one object like budget.json`);
  for (const [state, limits] of Object.entries(budget)) {
    if (!["all", ...CACHE_STATES].includes(state)) {
      throw usage(`--budget ${file}: there is no state ${state}; there are all, ${CACHE_STATES.join(", ")}`);
    }
    if (!isObject(limits)) throw usage(`--budget ${file}: ${state}: write an object of limits`);
    for (const [name, limit] of Object.entries(limits)) {
      if (!NAMES.includes(name)) throw usage(`--budget ${file}: there is no figure ${name}; there are ${NAMES.join(", ")}`);
      if (!Number.isFinite(limit)) throw usage(`--budget ${file}: ${state}: ${name}: write a number`);
    }
  }
  return budget;
}

/** @param {unknown} value */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Each limit beside its median. The score has a least value, every other figure a greatest; on the limit passes.
 * @param {Budget} budget @param {string} cache
 * @param {Record<string, {median: number | null}>} medians
 */
export function judge(budget, cache, medians) {
  return Object.entries({ ...budget.all, ...budget[cache] }).map(([figure, limit]) => {
    const { median } = medians[figure];
    const within = median !== null && (figure === "performance_score" ? median >= limit : median <= limit);
    return { figure, limit, median, verdict: median === null ? "not measured" : within ? "pass" : "fail" };
  });
}
