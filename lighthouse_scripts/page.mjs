/** One audit of one page. */
import { desktopConfig, navigation } from "lighthouse";

import { outcome, refusal } from "./outcome.mjs";
import { headersOf, reset, visit } from "./shop.mjs";
import { Stop } from "./stop.mjs";

/**
 * @typedef {import("./options.mjs").Arm} Arm
 * @typedef {import("./options.mjs").Options} Options
 */

// Lighthouse's own for the time until a page has loaded.
const LOAD_TIMEOUT_S = 45;

/**
 * Its outcome; `html` is Lighthouse's report.
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
  // What can be said at once: Lighthouse would wait on, for a page that has nothing to show.
  const broken = Promise.withResolvers();
  broken.promise.catch(() => {});
  /** @type {{status: number, headers: Record<string, string>} | null} */
  let answer = null;
  page.on("response", (/** @type {any} */ response) => {
    if (!response.request().isNavigationRequest() || response.frame() !== page.mainFrame()) return;
    answer = { status: response.status(), headers: response.headers() };
    const refused = refusal(answer);
    if (refused) broken.reject(new Stop(refused, 3));
  });
  const session = await page.createCDPSession();
  const go = () => depart(session, arm, cache, options).catch(broken.reject);
  const flags = {
    logLevel: "silent",
    output: "html",
    onlyCategories: ["performance"],
    disableFullPageScreenshot: true,
    extraHeaders: headersOf(arm),
    maxWaitForLoad: Math.min(LOAD_TIMEOUT_S, options.timeoutS) * 1000,
  };
  const config = options.preset === "desktop" ? desktopConfig : undefined;
  const audited = navigation(page, go, { config, flags });
  audited.catch(() => {}); // It fails once more, unheard, when its page is closed.
  const result = await Promise.race([audited, broken.promise]).catch((error) => {
    if (error instanceof Stop) throw error;
    throw new Stop(`${error.code ?? "Lighthouse"}: ${error.friendlyMessage?.formattedDefault ?? error.message}`, 3);
  });
  return outcome(arm, /** @type {any} */ (result), answer);
}

/** @param {any} session @param {Arm} arm @param {string} cache @param {Options} options */
async function depart(session, arm, cache, options) {
  // Not earlier: under load somebody else would have filled the cache by the time Lighthouse is ready.
  if (cache === "cold") await reset(arm, /** @type {string} */ (options.token), options.timeoutS);
  const { errorText } = await session.send("Page.navigate", { url: arm.url });
  if (errorText) throw new Stop(`${errorText}; does a server answer at this address?`, 3);
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
