"use strict";
// Tables: a button in each head sorts by that column; a second press turns the order round.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => sort(table, heads, column));
  });
}

function key(row, column) {
  const cell = row.cells[column];
  const number = Number(cell.dataset.value ?? NaN);
  return Number.isNaN(number) ? cell.textContent.trim() : number;
}

function compare(a, b) {
  if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
  return typeof a === "number" ? -1 : 1;
}

function sort(table, heads, column) {
  const down = heads[column].getAttribute("aria-sort") === "ascending";
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => (down ? -1 : 1) * compare(key(a, column), key(b, column)));
  table.tBodies[0].append(...rows);
}

// Gallery: a press on a map shows it large beside its image; arrow keys go to the maps around it.
const dialog = document.getElementById("large");
let opened = null;

function show(button) {
  opened = button;
  const row = button.closest("tr");
  const map = button.querySelector("img");
  const image = row.querySelector("td:first-child img");
  const both = [image, map].filter(Boolean).map((each) => {
    const copy = each.cloneNode();
    copy.removeAttribute("loading");
    return copy;
  });
  document.getElementById("large-pictures").replaceChildren(...both);
  document.getElementById("large-title").textContent = map.alt;
  if (!dialog.open) dialog.showModal();
}

function beside(button, across, down) {
  const cell = button.closest("td");
  const rows = [...cell.closest("tbody").rows];
  const row = rows[rows.indexOf(cell.parentElement) + down];
  for (let at = cell.cellIndex + across; row && row.cells[at]; at += across || row.cells.length) {
    const found = row.cells[at].querySelector("button");
    if (found) return found;
  }
  return null;
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
for (const button of document.querySelectorAll(".gallery button")) {
  button.addEventListener("click", () => show(button));
}
document.addEventListener("keydown", (event) => {
  const button = dialog.open ? opened : event.target.closest?.(".gallery button");
  const step = STEPS[event.key];
  if (!button || !step) return;
  event.preventDefault();
  const next = beside(button, ...step);
  if (!next) return;
  if (dialog.open) show(next);
  else next.focus();
});
dialog.addEventListener("close", () => opened?.focus());
document.getElementById("large-close").addEventListener("click", () => dialog.close());
