/** How an audit ended: figures, or null throughout and why. */
import { figures } from "./figures.mjs";
import { STRATEGY_HEADER } from "./shop.mjs";

/** @typedef {import("./options.mjs").Arm} Arm */

/** @param {string} error */
export const unmeasured = (error) => ({
  final_url: null,
  x_cache: null,
  ...figures({}),
  lighthouse_version: null,
  error,
  html: null,
});

/**
 * @param {Arm} arm @param {{lhr: any, report: any}} result @param {{status: number, headers: Record<string, string>} | null} answer
 * to the navigation, as far as there was one
 */
export function outcome(arm, { lhr, report }, answer) {
  const error = pageError(lhr) ?? wrongStrategy(arm, answer?.headers ?? {});
  return {
    final_url: lhr.finalDisplayedUrl ?? null,
    x_cache: answer?.headers["x-cache"] ?? null,
    ...figures(error ? {} : lhr),
    lighthouse_version: lhr.lighthouseVersion ?? null,
    error,
    html: report ?? null,
  };
}

/** Why a page is none that anybody would wait for, or null. @param {{status: number}} answer */
export function refusal(answer) {
  if (answer.status < 400) return null;
  const hint = answer.status === 409 ? "; a strategy that needs a server of its own is named NAME=ORIGIN" : "";
  return `the page answered with status ${answer.status}${hint}`;
}

/** Why the page could not be audited, or null. @param {any} lhr */
function pageError({ runtimeError }) {
  if (!runtimeError) return null;
  // Lighthouse's text for this code is about certificates; on loopback the cause is nearly always another.
  const hint = runtimeError.code === "CHROME_INTERSTITIAL_ERROR" ? " Does a server answer at this address?" : "";
  return `${runtimeError.code}: ${runtimeError.message}${hint}`;
}

/** @param {Arm} arm @param {Record<string, string>} headers */
function wrongStrategy({ name }, headers) {
  const by = headers[STRATEGY_HEADER.toLowerCase()];
  if (name === null || by === undefined || by === name) return null;
  return `the target answered as ${by}, not as ${name}: start it with 'rig serve --measure'`;
}
