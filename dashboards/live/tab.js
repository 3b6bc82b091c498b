/**
 * Fills the tab named rig of Locust's web UI with the live page, in a frame.
 *
 * Locust's page is React's; nothing of it is changed. The frame stands behind React's own children of <main> while the
 * tab is chosen, and is taken away with it, so that nothing is sent or drawn unseen.
 */

const TAB = "rig";
const frame = document.createElement("iframe");
frame.title = "rig, live";
frame.src = "./rig/";
frame.style.cssText = "display: block; width: 100%; height: 80vh; border: 0;";

const heights = new ResizeObserver(([{ target }]) => {
  frame.style.height = `${Math.ceil(/** @type {HTMLElement} */ (target).getBoundingClientRect().height)}px`;
});

function place() {
  const chosen = document.querySelector('[role="tab"][aria-selected="true"]')?.textContent === TAB;
  const main = document.querySelector("#root main");
  if (!chosen || !main) frame.remove();
  else if (main.lastElementChild !== frame) main.append(frame);
}

/** Locust has a switch of colours of its own: its page's ground says which it shows. */
function tellColours() {
  const [red = 255] = getComputedStyle(document.body).backgroundColor.match(/\d+/g)?.map(Number) ?? [];
  frame.contentWindow?.postMessage({ theme: red < 128 ? "dark" : "light" }, location.origin);
}

frame.addEventListener("load", () => {
  heights.disconnect();
  if (frame.contentDocument?.body) heights.observe(frame.contentDocument.body);
});
addEventListener("message", ({ source, origin }) => {
  if (source === frame.contentWindow && origin === location.origin) tellColours();
});
document.body.addEventListener("transitionend", tellColours);
new MutationObserver(place).observe(/** @type {HTMLElement} */ (document.getElementById("root")), {
  subtree: true,
  childList: true,
  attributeFilter: ["aria-selected"],
});
// The styles of a theme are put into the head when it is chosen.
new MutationObserver(tellColours).observe(document.head, { childList: true, subtree: true });
place();
