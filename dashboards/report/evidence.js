/** From a slow visit to its stampede in the ledger. The way back is the ledger's own link. */
import { byId } from "./page.js";

/** @param {(selection: import("./page.js").Selection) => void} select */
export function startEvidence(select) {
  for (const link of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("a[data-stampede]"))) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const { arm, round, stampede } = link.dataset;
      select({ arm: Number(arm), round: Number(round), stampede: Number(stampede) });
      const ledger = byId("ledger");
      ledger.scrollIntoView({ block: "start" });
      ledger.querySelector("summary")?.focus({ preventScroll: true });
    });
  }
}
