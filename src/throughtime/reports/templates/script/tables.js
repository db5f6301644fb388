// Tables that a click on a head sorts.

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const text = (row, i) => row.cells[i].textContent.trim();
  const compare = (a, b) => {
    const x = parseFloat(a), y = parseFloat(b);
    if (isNaN(x) && isNaN(y)) return a.localeCompare(b);
    return isNaN(x) - isNaN(y) || x - y;
  };
  heads.forEach((head, i) => head.firstElementChild.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach(one => one.setAttribute("aria-sort", one === head ? (up ? "ascending" : "descending") : "none"));
    const rows = [...body.rows].sort((a, b) => (up ? 1 : -1) * compare(text(a, i), text(b, i)));
    body.append(...rows);
  }));
}
