/** One audit of one page. */
import { desktopConfig, navigation } from "lighthouse";

import { figures } from "./figures.mjs";
import { headersOf, reset, STRATEGY_HEADER, visit } from "./shop.mjs";
import { Stop } from "./stop.mjs";

/**
 * @typedef {import("./options.mjs").Arm} Arm
 * @typedef {import("./options.mjs").Options} Options
 */

// Lighthouse's own for the time until a page has loaded.
const LOAD_TIMEOUT_S = 45;

/**
 * The figures, or null and why not; `html` is Lighthouse's report.
 * @param {any} browser @param {Arm} arm @param {string} cache @param {Options} options
 */
export async function audit(browser, arm, cache, options) {
  const context = await browser.createBrowserContext();
  const overdue = deadline(options.timeoutS);
  try {
    return await Promise.race([navigate(browser, context, arm, cache, options), overdue.promise]);
  } finally {
    overdue.clear();
    await context.close().catch(() => {});
  }
}

/** @param {any} browser @param {any} context @param {Arm} arm @param {string} cache @param {Options} options */
async function navigate(browser, context, arm, cache, options) {
  if (cache !== "as-found") await visit(browser, arm, options.timeoutS);
  const page = await context.newPage();
  /** @type {Record<string, string>} */
  let answered = {};
  page.on("response", (/** @type {any} */ response) => {
    if (response.request().isNavigationRequest() && response.frame() === page.mainFrame()) answered = response.headers();
  });
  const session = await page.createCDPSession();
  const go = async () => {
    // Not earlier: under load somebody else would have filled the cache by the time Lighthouse is ready.
    if (cache === "cold") await reset(arm, /** @type {string} */ (options.token), options.timeoutS);
    await session.send("Page.navigate", { url: arm.url });
  };
  const flags = {
    logLevel: "silent",
    output: "html",
    onlyCategories: ["performance"],
    disableFullPageScreenshot: true,
    extraHeaders: headersOf(arm),
    maxWaitForLoad: Math.min(LOAD_TIMEOUT_S, options.timeoutS) * 1000,
  };
  const config = options.preset === "desktop" ? desktopConfig : undefined;
  const { lhr, report } = await navigation(page, go, { config, flags }).catch((error) => {
    if (error instanceof Stop) throw error;
    return { lhr: { runtimeError: { code: error.code ?? "ERROR", message: error.friendlyMessage?.formattedDefault ?? error.message } }, report: null };
  });
  const error = pageError(lhr) ?? wrongStrategy(arm, answered);
  return {
    final_url: lhr.finalDisplayedUrl ?? null,
    x_cache: answered["x-cache"] ?? null,
    ...figures(error ? {} : lhr),
    lighthouse_version: lhr.lighthouseVersion ?? null,
    error,
    html: /** @type {string | null} */ (report),
  };
}

/** Why the page could not be audited, or null. @param {any} lhr */
function pageError({ runtimeError }) {
  if (!runtimeError) return null;
  // Lighthouse's text for this code is about certificates; on loopback the cause is nearly always another.
  const hint = runtimeError.code === "CHROME_INTERSTITIAL_ERROR" ? " Does a server answer at this address?" : "";
  return `${runtimeError.code}: ${runtimeError.message}${hint}`;
}

/** @param {Arm} arm @param {Record<string, string>} answered */
function wrongStrategy({ name }, answered) {
  const by = answered[STRATEGY_HEADER.toLowerCase()];
  if (name === null || by === undefined || by === name) return null;
  return `the target answered as ${by}, not as ${name}: start it with 'rig serve --measure'`;
}

/** @param {number} timeoutS */
function deadline(timeoutS) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {Promise<never>} */
  const promise = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Stop(`not audited within ${timeoutS} s`, 3)), timeoutS * 1000);
  });
  return { promise, clear: () => clearTimeout(timer) };
}
