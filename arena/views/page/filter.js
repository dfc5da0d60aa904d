// Agents by parts of their names and games by name: what does not fit is hidden wherever it stands in a row.
"use strict";

(() => {
  const bar = document.getElementById("filter");
  if (!bar) return;
  const agents = document.getElementById("agents-wanted");
  const game = document.getElementById("game-wanted");

  function fits(element) {
    const words = agents.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
    const name = element.dataset.agent?.toLowerCase();
    const named = name === undefined || !words.length || words.some((word) => name.includes(word));
    return named && (!element.dataset.game || !game.value || element.dataset.game === game.value);
  }

  function filter() {
    document.querySelectorAll("[data-agent], [data-game]").forEach((found) => { found.hidden = !fits(found); });
    document.querySelectorAll("table.matrix").forEach(hideColumns);
    const rows = [...document.querySelectorAll("#overall tbody tr")];
    const left = rows.filter((row) => !row.hidden).length;
    const all = left === rows.length && !game.value;
    document.getElementById("filtered").textContent =
      all ? "" : `${left} of ${rows.length} agents${game.value ? `, ${game.value} only` : ""}; figures show all.`;
  }

  function hideColumns(table) {
    const headings = [...table.tHead.rows[0].cells];
    for (const row of table.tBodies[0].rows) {
      headings.forEach((heading, column) => { row.cells[column].hidden = heading.hidden; });
    }
  }

  bar.hidden = false;
  bar.addEventListener("input", filter);
  bar.addEventListener("change", filter);
  bar.addEventListener("submit", (event) => event.preventDefault());
  filter();
})();
