/** Light, dark, or as the system prefers; remembered where the browser allows it. */

const KEY = "rig-report-theme";

/** @param {() => void} changed called after each change of colours */
export function startTheme(changed) {
  const group = /** @type {HTMLElement} */ (document.querySelector(".theme"));
  group.hidden = false;
  const buttons = [...group.querySelectorAll("button")];
  const choose = (/** @type {string} */ choice) => {
    if (choice === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      choose(button.dataset.themeChoice ?? "auto");
      remember(button.dataset.themeChoice ?? "auto");
      changed();
    });
  }
  choose(remembered());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

/** @returns {string} */
function remembered() {
  try {
    const choice = localStorage.getItem(KEY);
    return choice === "light" || choice === "dark" ? choice : "auto";
  } catch {
    return "auto"; // A file opened from disk may have no storage.
  }
}

/** @param {string} choice */
function remember(choice) {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // The choice then holds for this visit only.
  }
}
