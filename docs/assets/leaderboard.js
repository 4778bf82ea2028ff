// Sorts and filters the table of the leaderboard. Without it, the table is there in full.
document.querySelectorAll(".board").forEach((board) => {
  const body = board.querySelector("tbody");
  const rows = [...body.rows];
  const filters = [...board.querySelectorAll("[data-filter]")];
  const count = board.querySelector(".count");

  const value = (row, column) => {
    const cell = row.cells[column];
    if (!cell.classList.contains("number")) return cell.textContent.toLowerCase();
    return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
  };

  const filter = () => {
    let shown = 0;
    for (const row of rows) {
      const fits = filters.every(({ dataset, value: wanted }) =>
        dataset.filter === "text"
          ? row.textContent.toLowerCase().includes(wanted.trim().toLowerCase())
          : !wanted || row.dataset[dataset.filter] === wanted
      );
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${rows.length} rows`;
  };

  board.querySelectorAll("th").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "descending";
      board.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falling ? "ascending" : "descending");
      const sign = falling ? 1 : -1;
      const sorted = [...rows].sort((one, other) => {
        const a = value(one, column);
        const b = value(other, column);
        if (a === null || b === null) return (a === null) - (b === null); // nothing measured: last
        return sign * (a < b ? -1 : a > b ? 1 : 0);
      });
      body.append(...sorted);
    });
  });

  filters.forEach((input) => input.addEventListener("input", filter));
  filter();
});
