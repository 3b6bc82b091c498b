/**
 * Page-side half of a visit. Runs in every new document before the page's own scripts, in one function scope with
 * the web-vitals attribution build (`webVitals`), and is spoken to by `visit.py` through one hidden property:
 *
 * 1. `loaded()`   the load event, images still on their way into the viewport, and one more painted frame
 * 2. `fenced()`   everything painted so far has been presented, and its entries have been delivered
 * 3. (a trusted key press by the browser process makes web-vitals call its LCP final)
 * 4. `figures()`  raw numbers; what they mean is judged in `judge.py`
 *
 * All times are milliseconds since `performance.timeOrigin`.
 *
 * @typedef {{value: number, element: string|null, url: string|null, ttfb: number, load_delay: number,
 *   load_duration: number, render_delay: number, resource_end: number|null}} Lcp
 * @typedef {{time_origin: number, lcp: Lcp|null, fcp: number|null, cls: number|null, response_start: number,
 *   response_end: number, server_timing: {name: string, description: string, duration: number}[]|null,
 *   blocking_ends: number[], long_tasks: [number, number][], dom_nodes: number}} Figures
 */

const FENCE = 'rig-frame-fence';
// An upper bound only: a page whose root is not displayed never paints the fence.
const FENCE_BOUND_MS = 3000;
// An upper bound only: where the focus is in another frame, this one never sees the key.
const FINAL_BOUND_MS = 500;

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

/** Ends of all that may rightly hold back a paint: blocking resources, scripts the parser waits for, and fonts. */
const blockingEnds = (paintsText) => {
  const scripts = new Set(Array.from(document.querySelectorAll('script[src]'))
    .filter((script) => !script.async && !script.defer && script.type !== 'module')
    .map((script) => script.src));
  return performance.getEntriesByType('resource')
    .filter((entry) => entry.renderBlockingStatus === 'blocking' || scripts.has(entry.name)
      || (paintsText && entry.initiatorType === 'css'))
    .map((entry) => entry.responseEnd);
};

/** @returns {Promise<Figures>} */
const figures = async () => {
  const metric = latest && (await Promise.race([final, after(FINAL_BOUND_MS)]) ?? latest);
  const lcp = describe(metric);
  const [navigation] = performance.getEntriesByType('navigation');
  longTasks.push(...tasks.takeRecords());
  return {
    time_origin: performance.timeOrigin,
    lcp,
    fcp: lcp && fcp,
    cls: lcp && cls,
    response_start: navigation.responseStart,
    response_end: navigation.responseEnd,
    server_timing: navigation.serverTiming?.map(
      ({name, description, duration}) => ({name, description, duration})) ?? null,
    blocking_ends: blockingEnds(lcp !== null && lcp.url === null),
    long_tasks: longTasks.map((task) => [task.startTime, task.startTime + task.duration]),
    dom_nodes: domNodes,
  };
};

Object.defineProperty(window, Symbol.for('rig'), {value: {loaded, fenced, figures}});
