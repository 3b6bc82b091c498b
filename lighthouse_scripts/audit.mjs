/**
 * Lighthouse audits of one page, one JSON line per audit on stdout. What the fields mean: README.md.
 *
 * Exit codes: 0 audited, 2 usage, 3 no browser or the page could not be audited, 130 interrupted.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const USAGE = `usage: npm run audit -- --url URL [--runs N] [--preset desktop|mobile] [--allow-host HOST]
  --url         page to audit; its host must be loopback or named by --allow-host
  --runs        audits, each in a fresh browser (default 1)
  --preset      Lighthouse's device and throttling (default desktop)
  --allow-host  a host that may be audited although it is not loopback; may be repeated`;

/** An error that ends the program: one line for a person, and the exit code. */
class Stop extends Error {
  /** @param {string} message @param {number} exitCode */
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

const usage = (/** @type {string} */ message) => new Stop(`${message} (npm run audit -- --help)`, 2);

/** @typedef {{url: string, runs: number, preset: "desktop" | "mobile"}} Options */

/** @param {string[]} args @returns {Options | null} null when only help was asked for */
function readOptions(args) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        url: { type: "string" },
        runs: { type: "string", default: "1" },
        preset: { type: "string", default: "desktop" },
        "allow-host": { type: "string", multiple: true, default: [] },
        help: { type: "boolean", short: "h", default: false },
      },
    }));
  } catch (error) {
    throw usage(error.message);
  }
  if (values.help) return null;
  if (!values.url) throw usage("--url is missing");
  if (!URL.canParse(values.url)) throw usage(`--url ${values.url}: not a URL`);
  const { protocol, hostname } = new URL(values.url);
  if (!["http:", "https:"].includes(protocol)) throw usage(`--url ${values.url}: only http and https are audited`);
  if (!isLoopback(hostname) && !values["allow-host"].includes(hostname)) {
    throw usage(`${hostname} is not loopback; to load it all the same, add --allow-host ${hostname}`);
  }
  if (!/^[1-9][0-9]{0,2}$/.test(values.runs)) throw usage(`--runs ${values.runs}: a whole number from 1 to 999`);
  if (values.preset !== "desktop" && values.preset !== "mobile") {
    throw usage(`--preset ${values.preset}: desktop or mobile`);
  }
  return { url: values.url, runs: Number(values.runs), preset: values.preset };
}

/** The URL parser has already turned every spelling of an IPv4 address into four decimals. @param {string} host */
function isLoopback(host) {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}

/** Lighthouse's own copy of a package it depends on, so that the two always fit. @param {string} name */
function importFromLighthouse(name) {
  const path = createRequire(import.meta.resolve("lighthouse")).resolve(name);
  return import(pathToFileURL(path).href);
}

/** The rig's lookup order, see `rig browser path`; without the rig, the usual places. */
function findBrowser(/** @type {{Launcher: any}} */ { Launcher }) {
  const named = process.env.RIG_BROWSER;
  if (named) {
    if (existsSync(named)) return named;
    throw new Stop(`RIG_BROWSER=${named}: no such file; name a Chromium or Chrome, or unset it`, 3);
  }
  const rig = fileURLToPath(new URL("../.venv/bin/rig", import.meta.url));
  if (existsSync(rig)) {
    try {
      const path = execFileSync(rig, ["browser", "path"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
      if (existsSync(path.trim())) return path.trim();
    } catch {
      // It found none; it looks in fewer places than the launcher does.
    }
  }
  const installed = Launcher.getInstallations()[0];
  if (installed) return installed;
  throw new Stop("no browser found; run 'make setup', or set RIG_BROWSER to a Chromium or Chrome", 3);
}

/** Chromium's sandbox refuses to start for root, and where the system forbids unprivileged user namespaces. */
function sandboxIsImpossible() {
  if (process.getuid?.() === 0) return true;
  try {
    return readFileSync("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "utf8").trim() === "1";
  } catch {
    return false;
  }
}

/**
 * The figures of one Lighthouse result; null where Lighthouse has none.
 * @param {any} lhr
 */
function figures(lhr) {
  const timing = lhr.audits.metrics?.details?.items?.[0] ?? {};
  const number = (/** @type {unknown} */ value) => (Number.isFinite(value) ? value : null);
  return {
    lcp_ms: number(timing.largestContentfulPaint),
    observed_lcp_ms: number(timing.observedLargestContentfulPaint),
    fcp_ms: number(timing.firstContentfulPaint),
    ttfb_ms: number(timing.timeToFirstByte),
    server_response_ms: number(lhr.audits["server-response-time"]?.numericValue),
    speed_index_ms: number(timing.speedIndex),
    tbt_ms: number(timing.totalBlockingTime),
    cls: number(timing.cumulativeLayoutShift),
    performance_score: number(lhr.categories.performance?.score),
  };
}

/** Why the page could not be audited, or null. @param {any} lhr */
function pageError({ runtimeError }) {
  if (!runtimeError) return null;
  // Lighthouse's text for this code is about certificates; on loopback the cause is nearly always another.
  const hint = runtimeError.code === "CHROME_INTERSTITIAL_ERROR" ? " Does a server answer at this address?" : "";
  return `${runtimeError.code}: ${runtimeError.message}${hint}`;
}

/** @param {Options} options */
async function main(options) {
  const [{ default: lighthouse, desktopConfig }, launcher] = await Promise.all([
    import("lighthouse"),
    importFromLighthouse("chrome-launcher"),
  ]);
  // The launcher itself ends its browsers on SIGINT only.
  for (const [signal, number] of [["SIGTERM", 15], ["SIGHUP", 1]]) {
    process.on(signal, () => {
      launcher.killAll();
      process.exit(128 + number);
    });
  }
  const chromePath = findBrowser(launcher);
  const chromeFlags = ["--headless=new", ...(sandboxIsImpossible() ? ["--no-sandbox"] : [])];
  const config = options.preset === "desktop" ? desktopConfig : undefined;

  for (let run = 1; run <= options.runs; run += 1) {
    const chrome = await launcher.launch({ chromePath, chromeFlags, logLevel: "silent" }).catch((error) => {
      throw new Stop(`${chromePath} did not start: ${error.message}`, 3);
    });
    try {
      const flags = {
        port: chrome.port,
        logLevel: "silent",
        onlyCategories: ["performance"],
        disableFullPageScreenshot: true,
      };
      const { lhr } = await lighthouse(options.url, flags, config);
      const error = pageError(lhr);
      const line = {
        url: options.url,
        final_url: lhr.finalDisplayedUrl ?? null,
        preset: options.preset,
        run,
        ...figures(lhr),
        lighthouse_version: lhr.lighthouseVersion,
        error,
      };
      process.stdout.write(`${JSON.stringify(line)}\n`);
      if (error) throw new Stop(`${options.url} could not be audited: ${error}`, 3);
    } finally {
      chrome.kill();
    }
  }
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options) await main(options);
  else process.stdout.write(`${USAGE}\n`);
} catch (error) {
  const message = error instanceof Stop ? error.message : `the audit broke off: ${error?.message ?? error}`;
  process.stderr.write(`audit: ${message}\n`);
  process.exitCode = error instanceof Stop ? error.exitCode : 3;
}
