/** Figures to take away: the raw ones behind a chart, as CSV (RFC 4180) with units in the names of the columns. */

/** @typedef {string | number | boolean | null | undefined} Cell */

// A spreadsheet would run text that begins so as a formula, and labels, paths and errors come from the run.
const FORMULA = /^[=+\-@\t\r]/;

/** A null stays empty: it was not measured, and is not 0. @param {Cell} cell */
function cellOf(cell) {
  if (cell === null || cell === undefined) return "";
  if (typeof cell !== "string") return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {string[]} columns @param {Cell[][]} rows */
export function csvOf(columns, rows) {
  return [columns, ...rows].map((row) => `${row.map(cellOf).join(",")}\r\n`).join("");
}

/** Hand a text to the reader as a file. @param {string} name @param {string} text */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has the file only some time after the click.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
