// Sorts the table of scores by a column. Without scripts the table stands as it is, best first.
(() => {
  const table = document.getElementById("score-table");
  const headings = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const cell = row.cells[column];
    return column === 0 ? cell.textContent.trim() : cell.dataset.sort === "" ? NaN : Number(cell.dataset.sort);
  };
  const compare = (a, b, sign) => {
    if (typeof a === "string") return sign * a.localeCompare(b);
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // undefined scores stay last
    return sign * (a - b);
  };
  const sort = (column) => {
    const heading = headings[column];
    const ascending = heading.getAttribute("aria-sort") === "descending" || (column === 0 && !heading.ariaSort);
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => compare(key(a, column), key(b, column), ascending ? 1 : -1));
    table.tBodies[0].append(...rows);
  };
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(column));
    heading.append(button);
  });
})();
