// The points of a panel as CSV: a column for each curve, or a row for each point.

function toCsv(panel) {
  const { data } = panel, columns = data.curves.flatMap((curve, c) => {
    if (!curve.top) return [{ c, head: curve.name, side: "y" }];
    return [["y", "lower"], ["top", "upper"]].map(([side, word]) => ({ c, head: `${curve.name} ${word}`, side }));
  });
  const plain = v => v === null ? "" : String(v);
  const when = x => data.x.time ? stamp(x, data.x.time) : plain(x);
  const rows = data.ordered
    ? [[data.x.label, ...columns.map(column => column.head)], ...panel.stops.map((x, stop) => {
        const points = panel.at(stop);
        return [when(x), ...columns.map(({ c, side }) => plain(points.findLast(p => p.c === c)?.[side] ?? null))];
      })]
    : [["curve", data.x.label, data.y.label],
       ...panel.points.map(p => [data.curves[p.c].name, when(p.x), plain(p.y)])];
  const quoted = cell => /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  return rows.map(row => row.map(quoted).join(",") + "\n").join("");
}
