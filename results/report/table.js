// Sortable tables.

// columns: {name, value(row): what sorts, cell(row): text or element, text: left-aligned, title, unsorted}.
function table(parent, label, columns, rows, {sorted = null, rowClass = () => null} = {}) {
  const body = element("tbody");
  const head = element("tr");
  let order = sorted, downwards = false;

  function fill() {
    const shown = rows.slice();
    if (order !== null) {
      const value = columns[order].value;
      const sign = downwards ? -1 : 1;
      shown.sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        const missing = [x, y].map(v => v === null || v === undefined || (typeof v === "number" && !isFinite(v)));
        if (missing[0] || missing[1]) return missing[0] - missing[1];  // last, either way round
        return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
      });
    }
    body.replaceChildren(...shown.map(row => element("tr", {class: rowClass(row)},
      ...columns.map(column => element("td", {class: column.class || (column.text ? "text" : null)}, column.cell(row))))));
    columns.forEach((column, i) => {
      if (!column.unsorted) head.children[i].setAttribute("aria-sort", i !== order ? "none" : downwards ? "descending" : "ascending");
    });
  }

  columns.forEach((column, i) => {
    const title = column.title || null;
    if (column.unsorted) {
      head.append(element("th", {class: column.class, scope: "col", title}, element("span", {class: "skip"}, column.name)));
      return;
    }
    const button = element("button", {type: "button", title, onclick: () => {
      downwards = i === order ? !downwards : Boolean(column.down);
      order = i;
      fill();
    }}, column.name);
    head.append(element("th", {class: column.text ? "text" : null, scope: "col"}, button));
  });
  fill();
  parent.append(element("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": label},
    element("table", {}, element("caption", {class: "skip"}, label), element("thead", {}, head), body)));
}
