/** Begins what the page offers, once, and says that it works. */
const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));

form.addEventListener("submit", () => {
  /** @type {HTMLButtonElement} */ (form.querySelector("button")).disabled = true;
  /** @type {HTMLElement} */ (document.getElementById("working")).textContent = "Working …";
});
// Not when the reader comes back to it: the history would never let go of this page.
const [visit] = performance.getEntriesByType("navigation");
if ("begin" in form.dataset && /** @type {PerformanceNavigationTiming} */ (visit)?.type !== "back_forward") {
  form.requestSubmit();
}
