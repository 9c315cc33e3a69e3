"use strict";
// Headings of sortable tables become buttons: numbers first sort down, words up; what is not known stays last. Each body
// of a table is sorted in itself.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value !== undefined ? cell.dataset.value : cell.textContent.trim();
  };
  heads.forEach((head, column) => {
    const number = head.classList.contains("n"), button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const up = before ? before === "descending" : !number;
      const compare = (one, other) => {
        const a = value(one, column), b = value(other, column);
        if (a === "" || b === "") return (a === "") - (b === "");
        const order = number ? Number(a) - Number(b) : a.localeCompare(b, undefined, { numeric: true });
        return up ? order : -order;
      };
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      for (const body of table.tBodies) body.append(...[...body.rows].sort(compare));
    });
  });
}
