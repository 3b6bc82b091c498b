/** The command line and what it refuses. */
import { isAbsolute, resolve } from "node:path";
import { parseArgs } from "node:util";

import { usage } from "./stop.mjs";

export const USAGE = `usage: npm run audit -- --url URL [--strategy NAME]… [--cache STATE]… [--runs N] [--preset desktop|mobile]
                        [--budget FILE] [--reports FOLDER] [--timeout SECONDS] [--allow-host HOST]…
  --url         page to audit; its host must be loopback or named by --allow-host
  --strategy    sent as header X-Cache-Strategy; names separated by commas, may be repeated. NAME=ORIGIN is audited
                at a server of its own, like cacheops=http://127.0.0.1:8001
  --cache       cold (the target's cache emptied just before), warm (the page was just read), as-found; may be repeated.
                cold asks the control endpoints and needs RIG_TOKEN. Default: cold and warm with RIG_TOKEN, else as-found
  --runs        audits of each strategy and state, in turns (default 1)
  --preset      Lighthouse's device and throttling (default desktop)
  --budget      limits of the medians, like budget.json; exit code 1 when one is exceeded
  --reports     keep Lighthouse's own HTML report of each median run in this folder
  --timeout     of one audit, seconds (default 120)
  --allow-host  a host that may be audited although it is not loopback; may be repeated

  RIG_TOKEN=$TOKEN npm run --silent audit -- --url http://127.0.0.1:8000/p/moon-jar/ --strategy delete-many --runs 3
    where 'rig serve --measure' printed the token`;

export const CACHE_STATES = ["cold", "warm", "as-found"];

/**
 * One strategy, or none (name null), at the URL where it is audited.
 * @typedef {{name: string | null, url: string}} Arm
 * @typedef {{arms: Arm[], states: string[], runs: number, preset: "desktop" | "mobile", token: string | null,
 *   budget: string | null, reports: string | null, timeoutS: number, paced: boolean}} Options
 */

/** @param {string[]} args @param {NodeJS.ProcessEnv} env @returns {Options | null} null when only help was asked for */
export function readOptions(args, env) {
  const values = parse(args);
  if (values.help) return null;
  if (!values.url) throw usage("--url is missing");
  const allowed = values["allow-host"];
  const page = auditable(values.url, allowed, `--url ${values.url}`);
  if (!/^[1-9][0-9]{0,2}$/.test(values.runs)) throw usage(`--runs ${values.runs}: a whole number from 1 to 999`);
  if (values.preset !== "desktop" && values.preset !== "mobile") {
    throw usage(`--preset ${values.preset}: desktop or mobile`);
  }
  const timeoutS = Number(values.timeout);
  if (!(timeoutS > 0 && timeoutS <= 3600)) throw usage(`--timeout ${values.timeout}: seconds, up to 3600`);
  const token = env.RIG_TOKEN || null;
  // npm runs a script in its package's folder; what the user wrote is meant from where he is.
  const path = (/** @type {string | undefined} */ file) =>
    file === undefined ? null : isAbsolute(file) ? file : resolve(env.INIT_CWD ?? process.cwd(), file);
  return {
    arms: readArms(values.strategy, page, allowed),
    states: readStates(values.cache, token),
    runs: Number(values.runs),
    preset: values.preset,
    token,
    budget: path(values.budget),
    reports: path(values.reports),
    timeoutS,
    paced: values.paced,
  };
}

/** @param {string[]} args */
function parse(args) {
  const many = /** @type {const} */ ({ type: "string", multiple: true, default: [] });
  try {
    return parseArgs({
      args,
      options: {
        url: { type: "string" },
        strategy: many,
        cache: many,
        runs: { type: "string", default: "1" },
        preset: { type: "string", default: "desktop" },
        budget: { type: "string" },
        reports: { type: "string" },
        timeout: { type: "string", default: "120" },
        // For programs: a line {"type":"next"} before each audit, which begins when a line is answered.
        paced: { type: "boolean", default: false },
        "allow-host": many,
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw usage(error.message);
  }
}

/** @param {string[]} texts @param {string} page @param {string[]} allowed @returns {Arm[]} */
function readArms(texts, page, allowed) {
  const words = split(texts);
  if (!words.length) return [{ name: null, url: page }];
  const arms = words.map((word) => {
    const [name, origin] = [word.split("=", 1)[0], word.includes("=") ? word.slice(word.indexOf("=") + 1) : null];
    if (!/^[\w.-]+$/.test(name)) throw usage(`--strategy ${word}: not a name`);
    if (origin === null) return { name, url: page };
    const { pathname, search } = new URL(page);
    return { name, url: new URL(pathname + search, auditable(origin, allowed, `--strategy ${word}`)).href };
  });
  const twice = arms.find(({ name }, index) => arms.findIndex((other) => other.name === name) < index);
  if (twice) throw usage(`--strategy ${twice.name}: named twice`);
  return arms;
}

/** @param {string[]} texts @param {string | null} token */
function readStates(texts, token) {
  const states = [...new Set(split(texts))];
  const unknown = states.find((state) => !CACHE_STATES.includes(state));
  if (unknown) throw usage(`--cache ${unknown}: ${CACHE_STATES.join(", ")}`);
  if (states.includes("cold") && !token) {
    throw usage("--cache cold: empties the target's cache; set RIG_TOKEN to the token 'rig serve --measure' prints");
  }
  return states.length ? states : token ? ["cold", "warm"] : ["as-found"];
}

/** @param {string[]} texts */
const split = (texts) => texts.flatMap((text) => text.split(",")).map((word) => word.trim()).filter(Boolean);

/** The URL as the browser will read it, if it may be audited. @param {string} url @param {string[]} allowed @param {string} option */
function auditable(url, allowed, option) {
  if (!URL.canParse(url)) throw usage(`${option}: not a URL`);
  const { protocol, hostname, href } = new URL(url);
  if (!["http:", "https:"].includes(protocol)) throw usage(`${option}: only http and https are audited`);
  if (!isLoopback(hostname) && !allowed.includes(hostname)) {
    throw usage(`${hostname} is not loopback; to load it all the same, add --allow-host ${hostname}`);
  }
  return href;
}

/** The URL parser has already turned every spelling of an IPv4 address into four decimals. @param {string} host */
function isLoopback(host) {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}
