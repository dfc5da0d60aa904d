// Tables sort by their headings: the first click brings the best numbers, or the first names, to the top.
"use strict";

for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sortBy(table, headings, column));
  });
}

function sortBy(table, headings, column) {
  const heading = headings[column];
  const numeric = heading.classList.contains("number") && column > 0;
  const [first, second] = numeric ? ["descending", "ascending"] : ["ascending", "descending"];
  const order = heading.getAttribute("aria-sort") === first ? second : first;
  headings.forEach((other) => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].map((row) => [value(row.cells[column]), row]);
  rows.sort(([a], [b]) => compare(a, b, sign));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

// A number, a text, or null for what is unknown.
function value(cell) {
  const given = cell.dataset.value;
  if (given === undefined) return cell.textContent.trim();
  return given === "" ? null : Number(given);
}

// The unknown comes last in either order.
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
}
