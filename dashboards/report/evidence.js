/** From a slow visit to its stampede in the ledger. The way back is the ledger's own link. */
import { byId } from "./page.js";

/** @param {(selection: import("./page.js").Selection) => void} select */
export function startEvidence(select) {
  const ledger = /** @type {HTMLDetailsElement} */ (byId("ledger"));
  const reveal = () =>
    (ledger.querySelector("[aria-current]") ?? ledger).scrollIntoView({ block: "center", behavior: "instant" });
  for (const link of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("a[data-stampede]"))) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const wasOpen = ledger.open;
      const { arm, round, stampede } = link.dataset;
      select({ arm: Number(arm), round: Number(round), stampede: Number(stampede) });
      // A closed ledger is filled when it has opened, which is later than this.
      if (wasOpen) reveal();
      else ledger.addEventListener("toggle", reveal, { once: true });
    });
  }
}
