/** A page of a few words: it needs the colours the reader chose, and nothing else. */
import { startTheme } from "../report/theme.js";

document.documentElement.classList.add("js");
startTheme(() => {});
