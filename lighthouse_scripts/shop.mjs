/** The target before an audit: its cache warm or cold. */
import { Stop } from "./stop.mjs";

/** @typedef {import("./options.mjs").Arm} Arm */

export const STRATEGY_HEADER = "X-Cache-Strategy";

/** @param {Arm} arm @returns {Record<string, string>} */
export const headersOf = ({ name }) => (name === null ? {} : { [STRATEGY_HEADER]: name });

/**
 * Read the page once in a context that is then thrown away. Before a cold audit as well: the server has its database
 * connection and templates then, the browser its fonts, and cold and warm differ in the cache alone.
 * @param {any} browser @param {Arm} arm @param {number} timeoutS
 */
export async function visit(browser, arm, timeoutS) {
  const context = await browser.createBrowserContext();
  try {
    const page = await context.newPage();
    await page.setExtraHTTPHeaders(headersOf(arm));
    await page.goto(arm.url, { waitUntil: "load", timeout: timeoutS * 1000 }).catch(() => {
      // What is wrong with the page, the audit says better.
    });
  } finally {
    await context.close();
  }
}

/** Empty the target's cache. @param {Arm} arm @param {string} token @param {number} timeoutS */
export async function reset(arm, token, timeoutS) {
  const url = new URL("/__rig__/reset", arm.url);
  const headers = { "X-Rig-Token": token, "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(timeoutS * 1000);
  const answer = await fetch(url, { method: "POST", headers, body: '{"parameters": {}}', signal }).catch((error) => {
    throw new Stop(`${url.origin}: its cache could not be emptied (${error.cause?.code ?? error.message})`, 3);
  });
  if (answer.status === 404) {
    throw new Stop(`${url.origin}: has no /__rig__/reset for this token; start it with 'rig serve --measure'`, 3);
  }
  const said = await answer.json().catch(() => ({}));
  if (!said.ok) {
    const open = said.open_recomputes ? `${said.open_recomputes} recomputes stay open` : `status ${answer.status}`;
    throw new Stop(`${url.origin}: its cache could not be emptied (${open}); restart it`, 3);
  }
}
