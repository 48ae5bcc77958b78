/* What a page does besides its charts: sort and filter tables, copy commands. */
"use strict";

(() => {
  const data = document.getElementById("chart-data");
  const place = document.getElementById("charts");
  if (data && place) window.midazCharts.create(place, JSON.parse(data.textContent));

  const sortValue = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value ?? cell.textContent.trim();
  };

  const compare = (first, second) => {
    const numbers = [Number(first), Number(second)];
    if (first !== "" && second !== "" && !numbers.some(Number.isNaN)) return numbers[0] - numbers[1];
    return first.localeCompare(second, "en", { numeric: true });
  };

  for (const button of document.querySelectorAll("table.sortable thead button")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const table = button.closest("table");
      const falls = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falls ? "descending" : "ascending");
      const sign = falls ? -1 : 1;
      const rows = [...table.tBodies[0].rows].map((row) => [sortValue(row, head.cellIndex), row]);
      rows.sort((first, second) => sign * compare(first[0], second[0]));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  }

  for (const input of document.querySelectorAll("input[data-filters]")) {
    const table = document.getElementById(input.dataset.filters);
    const rows = [...table.tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const shown = input.parentElement.querySelector("output");
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      rows.forEach((row, index) => {
        row.hidden = !words.every((word) => texts[index].includes(word));
        if (!row.hidden) count++;
      });
      shown.textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
    });
  }

  for (const button of document.querySelectorAll("button.copy")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
      button.textContent = "Copied";
    });
  }
})();
