/** One Chromium for all audits, each in a context of its own: no cache, cookie, storage or connection is shared. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

import { Stop } from "./stop.mjs";

/**
 * Start it on a pipe: it ends with this process, however that ends.
 * @param {number} timeoutS
 */
export async function startBrowser(timeoutS) {
  const executablePath = await findBrowser();
  const { launch } = await importFromLighthouse("puppeteer-core");
  const args = ["--disable-background-networking", ...(sandboxIsImpossible() ? ["--no-sandbox"] : [])];
  return launch({
    executablePath,
    args,
    pipe: true,
    headless: true,
    // Lighthouse sets the size of the screen itself.
    defaultViewport: null,
    protocolTimeout: timeoutS * 1000,
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  }).catch((/** @type {Error} */ error) => {
    throw new Stop(`${executablePath} did not start: ${error.message.trim().split("\n")[0]}`, 3);
  });
}

/** The rig's lookup order, see `rig browser path`; without the rig, the usual places. */
async function findBrowser() {
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
  const { Launcher } = await importFromLighthouse("chrome-launcher");
  const installed = Launcher.getInstallations()[0];
  if (installed) return installed;
  throw new Stop("no browser found; run 'make setup', or set RIG_BROWSER to a Chromium or Chrome", 3);
}

/** Lighthouse's own copy of a package it depends on, so that the two always fit. @param {string} name */
function importFromLighthouse(name) {
  const path = createRequire(import.meta.resolve("lighthouse")).resolve(name);
  return import(pathToFileURL(path).href);
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
