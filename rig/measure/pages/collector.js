/**
 * Page-side half of a visit. Runs in every new document before the page's own scripts, in one function scope with
 * the web-vitals attribution build (`webVitals`), and is spoken to by `visit.py` through one hidden property:
 *
 * 1. `loaded()`   the load event, images still on their way into the viewport, and one more painted frame
 * 2. `fenced()`   everything painted so far has been presented, and its entries have been delivered
 * 3. (a trusted key press by the browser process makes web-vitals call its LCP final)
 * 4. `figures()`  raw numbers; what they mean is judged in `judge.py`
 * 5. `clickable()` where one harmless click may go, for INP, and begins to look for it; null: nowhere
 * 6. (a trusted click there by the browser process)
 * 7. `inp()`      what that click took until its paint
 *
 * All times are milliseconds since `performance.timeOrigin`.
 *
 * @typedef {{value: number, element: string|null, url: string|null, ttfb: number, load_delay: number,
 *   load_duration: number, render_delay: number, resource_end: number|null}} Lcp
 * @typedef {{url: string, kind: string, start_ms: number, ttfb_ms: number|null, end_ms: number, bytes: number|null,
 *   blocking: boolean}} Resource
 * @typedef {{time_origin: number, now: number, lcp: Lcp|null, fcp: number|null, cls: number|null, response_start: number,
 *   response_end: number, waterfall: Resource[], server_timing: {name: string, description: string, duration: number}[]|null,
 *   blocking_ends: number[], long_tasks: [number, number][], dom_nodes: number}} Figures
 */

const FENCE = 'rig-frame-fence';
// An upper bound only: a page whose root is not displayed never paints the fence.
const FENCE_BOUND_MS = 3000;
// An upper bound only: where the focus is in another frame, this one never sees the key.
const FINAL_BOUND_MS = 500;
// Enough to see what a page waits for; more would make the samples large.
const MOST_RESOURCES = 50;
const LONGEST_URL = 300;
// Event Timing names no interaction that took less than 16 ms; web-vitals then says 8, half of it.
const BELOW_LIMIT_MS = 8;

// A tab's session storage outlives its visits; the rest is cleared from outside.
try {
  sessionStorage.clear();
} catch {
  // An opaque origin has none.
}

/** @type {any} */ let latest = null;
/** @type {number|null} */ let fcp = null;
/** @type {number|null} */ let cls = null;
let domNodes = 0;
/** @type {PerformanceEntry[]} */ const longTasks = [];

const tasks = new PerformanceObserver((list) => longTasks.push(...list.getEntries()));
tasks.observe({type: 'longtask', buffered: true});

const final = new Promise((resolve) => webVitals.onLCP(resolve));
webVitals.onLCP((metric) => { latest = metric; }, {reportAllChanges: true});
webVitals.onFCP((metric) => { fcp = metric.value; });
webVitals.onCLS((metric) => { cls = metric.value; }, {reportAllChanges: true});

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms, null));
const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

/** Lazy images do not hold back the load event, yet may be what a user looks at first. */
const awaited = () => Array.from(document.images).filter((image) => {
  if (image.complete) return false;
  const box = image.getBoundingClientRect();
  return box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
});

const settled = (image) => new Promise((resolve) => {
  image.addEventListener('load', resolve, {once: true});
  image.addEventListener('error', resolve, {once: true});
});

const countNodes = () => {
  const walker = document.createTreeWalker(document);
  let count = 1;
  while (walker.nextNode()) count += 1;
  return count;
};

const loaded = async () => {
  if (document.readyState !== 'complete') {
    await new Promise((resolve) => addEventListener('load', () => setTimeout(resolve), {once: true}));
  }
  for (let images = awaited(); images.length; images = awaited()) await Promise.all(images.map(settled));
  await frame();
  domNodes = countNodes();
};

/**
 * A frame's paint entries are delivered when it was presented, some frames after it was painted, and never again
 * once an input came in. Presentations keep their order, so when a mark painted now has been presented,
 * all that was painted before has been, too. Element Timing says when that is.
 */
const fenced = async () => {
  const mark = document.createElementNS('http://www.w3.org/1999/xhtml', 'span');
  mark.id = FENCE;
  mark.setAttribute('elementtiming', FENCE);
  mark.textContent = '.';
  mark.style.cssText = 'all:initial;position:fixed;left:0;top:0;font-size:8px;pointer-events:none';
  const presented = new Promise((resolve) => {
    new PerformanceObserver((list, observer) => {
      if (!list.getEntries().some((entry) => entry.identifier === FENCE)) return;
      observer.disconnect();
      resolve(null);
    }).observe({type: 'element'});
  });
  document.documentElement.append(mark);
  await Promise.race([presented, after(FENCE_BOUND_MS)]);
  mark.remove();
};

/** @returns {Lcp|null} */
const describe = (metric) => {
  // Where the page painted nothing of its own, our mark is the largest thing painted.
  if (!metric || metric.attribution.target === `#${FENCE}`) return null;
  const {attribution} = metric;
  return {
    value: metric.value,
    element: attribution.target ?? null,
    // A data: address is the image itself.
    url: attribution.url?.slice(0, 500) ?? null,
    ttfb: attribution.timeToFirstByte,
    load_delay: attribution.resourceLoadDelay,
    load_duration: attribution.resourceLoadDuration,
    render_delay: attribution.elementRenderDelay,
    resource_end: attribution.lcpResourceEntry?.responseEnd ?? null,
  };
};

/** Whether a resource holds back the paint: the browser says so, or the parser waits for it. */
const blocks = () => {
  const scripts = new Set(Array.from(document.querySelectorAll('script[src]'))
    .filter((script) => !script.async && !script.defer && script.type !== 'module')
    .map((script) => script.src));
  return (entry) => entry.renderBlockingStatus === 'blocking' || scripts.has(entry.name);
};

/** Ends of all that may rightly hold back a paint: what blocks it, and fonts. */
const blockingEnds = (blocking, paintsText) => performance.getEntriesByType('resource')
  .filter((entry) => blocking(entry) || (paintsText && entry.initiatorType === 'css'))
  .map((entry) => entry.responseEnd);

/** Another origin that does not allow it shows neither its first byte nor its size: null, not 0. */
const resource = (entry, kind, blocking) => ({
  url: entry.name.slice(0, LONGEST_URL),
  kind,
  start_ms: entry.startTime,
  ttfb_ms: entry.responseStart || null,
  end_ms: entry.responseEnd,
  bytes: entry.responseStart ? entry.transferSize : null,
  blocking,
});

/** @returns {Resource[]} The document and its first resources. */
const waterfall = (navigation, blocking) => [
  resource(navigation, 'document', true),
  ...performance.getEntriesByType('resource').slice(0, MOST_RESOURCES)
    .map((entry) => resource(entry, entry.initiatorType, blocking(entry))),
];

/** @returns {Promise<Figures>} */
const figures = async () => {
  const metric = latest && (await Promise.race([final, after(FINAL_BOUND_MS)]) ?? latest);
  const lcp = describe(metric);
  const [navigation] = performance.getEntriesByType('navigation');
  const blocking = blocks();
  longTasks.push(...tasks.takeRecords());
  return {
    time_origin: performance.timeOrigin,
    now: performance.now(),
    lcp,
    fcp: lcp && fcp,
    cls: lcp && cls,
    response_start: navigation.responseStart,
    response_end: navigation.responseEnd,
    server_timing: navigation.serverTiming?.map(
      ({name, description, duration}) => ({name, description, duration})) ?? null,
    waterfall: waterfall(navigation, blocking),
    blocking_ends: blockingEnds(blocking, lcp !== null && lcp.url === null),
    long_tasks: longTasks.map((task) => [task.startTime, task.startTime + task.duration]),
    dom_nodes: domNodes,
  };
};

/** @returns {{x: number, y: number}|null} The middle of an element, if a click there meets it. */
const centre = (element) => {
  const box = element.getBoundingClientRect();
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  const hit = document.elementFromPoint(x, y);
  return hit && element.contains(hit) && !hit.closest('a[href], area[href]') ? {x, y} : null;
};

/** A click that opens or closes something, as far as the markup tells: no form is sent, no link followed. */
const harmless = (element) => !(element.form && ['submit', 'image', 'reset'].includes(element.type))
  && !element.closest('a[href]') && !element.disabled && element.getAttribute('aria-disabled') !== 'true';

/** What the page names, wherever it is; else the first in view, because to scroll would load more of the page. */
const findClickable = () => {
  const named = document.querySelector('[data-rig-interaction]');
  if (named) {
    named.scrollIntoView({block: 'center', behavior: 'instant'});
    return harmless(named) ? centre(named) : null;
  }
  for (const element of document.querySelectorAll('button, summary, [role=button]')) {
    const point = element.checkVisibility() && harmless(element) ? centre(element) : null;
    if (point) return point;
  }
  return null;
};

/** @type {number|null} */ let inpMs = null;
let interactionsBefore = 0;

const clickable = () => {
  const point = findClickable();
  if (!point) return null;
  interactionsBefore = performance.interactionCount ?? 0;
  // Our key press was an interaction, too, and is none of the page's: INP is of what comes from now on.
  const since = performance.now();
  PerformanceObserver = class extends PerformanceObserver {
    constructor(callback) {
      const later = (list) => list.getEntries().filter((entry) => entry.startTime >= since);
      super((list, observer) => callback({getEntries: () => later(list)}, observer));
    }
  };
  webVitals.onINP((metric) => { inpMs = metric.value; }, {reportAllChanges: true, durationThreshold: 16});
  return point;
};

const inp = async () => {
  await fenced();
  await after(0);
  // web-vitals looks at interactions when the page is idle; asked later, we come after it.
  await new Promise((resolve) => requestIdleCallback(resolve, {timeout: FINAL_BOUND_MS}));
  if (inpMs !== null) return inpMs;
  return (performance.interactionCount ?? 0) > interactionsBefore ? BELOW_LIMIT_MS : null;
};

Object.defineProperty(window, Symbol.for('rig'), {value: {loaded, fenced, figures, clickable, inp}});
