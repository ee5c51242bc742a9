// The leaderboard as a forest plot: each policy's figure with its interval, by rank, and the bound that none can pass.

// One shape for what versions of leaderboard.json call differently.
function readBoard(raw) {
  const objective = raw.objective || "mean_e2e_s";
  const rows = raw.rows.map((row, i) => ({
    policy: row.policy,
    isDefault: row.is_default,
    clairvoyant: Boolean(row.clairvoyant),
    failure: row.failure || "",
    infeasible: row.infeasible || "",
    rank: row.rank,
    order: i,
    value: row.held_out || row.held_out_e2e_s,
    training: row.training || row.training_e2e_s,
    vsLor: row.change_against_lor,
    vsLlq: row.change_against_llq,
    gap: objective === "mean_e2e_s" && row.gap_closed ? row.gap_closed.value : null,
    tie: row.not_distinguishable_from_rank || 0,
    metrics: row.metrics || {},
  }));
  const bound = raw.interference_free_e2e_s;
  return {
    objective, rows, shown: rows.filter(row => !row.failure && row.value),
    higherIsBetter: Boolean(raw.higher_is_better),
    bound: objective === "mean_e2e_s" && bound && bound.value > 0 ? bound : null,
    unit: unitOf(objective),
  };
}

function intervalText(spread, show) { return `${show(spread.value)} ${endsText(spread, show)}`; }

// Whether a whole interval lies on the better or the worse side of a figure: "better", "worse" or null.
function sideOf(spread, same, higherIsBetter) {
  const above = exists(spread.low) && spread.low > same, below = exists(spread.high) && spread.high < same;
  return above === below ? null : above === higherIsBetter ? "better" : "worse";
}

function forest(parent, board, pick) {
  let mode = "value", range = "focus";
  const made = card("Leaderboard", null,
    choice("Figure", [["value", figureLabel(board.objective).replace(/, s$/, "")], ["llq", "change against llq"]], mode, key => { mode = key; box.redraw(); }),
    choice("Range", [["focus", "focus"], ["all", "all"]], range, key => { range = key; box.redraw(); }));
  made.classList.add("forest");
  made.append(element("p", {class: "note"},
    "Dots are means over held-out seeds, lines their 95% intervals. ", board.rows.some(row => row.isDefault) ? "Filled: tuned; hollow: default setting. " : "",
    "Diamond: knows output lengths, a reference that cannot be deployed. ",
    board.bound ? "Left of the shaded edge is what every request would take alone on an idle replica: no policy can get there." : ""));
  parent.append(made);

  const box = plot(made, (node, width) => {
    const narrow = width < 620;
    const labelWidth = narrow ? 0 : Math.min(380, width * 0.36), valueWidth = narrow ? 0 : 150;
    const rowHeight = narrow ? 44 : 28, top = board.bound ? 22 : 8;
    const spreadOf = row => mode === "value" ? row.value : row.vsLlq;
    const rows = board.shown.filter(row => exists(spreadOf(row).value));
    const show = mode === "value" ? value => digits(value, 4) : value => percent(value);
    const bound = mode === "value" ? board.bound : null;

    // In focus is what the better four fifths of the rows span; what is beyond is marked at the edge.
    const ranked = rows.map(spreadOf).sort((a, b) => (board.higherIsBetter ? -1 : 1) * (a.value - b.value));
    const inside = range === "all" ? ranked : ranked.slice(0, Math.max(2, Math.ceil(ranked.length * 0.8)));
    const lower = s => exists(s.low) ? Math.min(s.value, s.low) : s.value, upper = s => exists(s.high) ? s.high : s.value;
    let low = d3.min(inside, lower) || 0, high = d3.max(inside, upper) || 0;
    if (mode === "llq") { low = Math.min(low, 0); high = Math.max(high, 0); }
    if (bound && (range === "all" || low - bound.value < 1.2 * (high - low))) low = Math.min(low, bound.value);
    const pad = (high - low || Math.abs(high) || 1) * 0.05;
    const x = d3.scaleLinear().domain([low - pad, high + pad]).range([labelWidth + 4, width - valueWidth - 6]);
    const [left, right] = x.range();
    const height = top + rows.length * rowHeight;
    const svg = svgIn(node, width, height + 44, "Forest plot of the leaderboard").attr("role", "group");

    bottomAxis(svg, x, height, height - top, mode === "value" ? figureLabel(board.objective) : "change against llq on held-out seeds, %",
      {most: narrow ? 4 : 7});
    if (mode === "llq") svg.selectAll(".axis text").text(value => fixed(100 * value, Math.max(...x.domain().map(Math.abs)) < 0.05 ? 1 : 0));
    if (bound && bound.value > x.domain()[0]) {
      svg.append("rect").attr("class", "beyond").attr("x", left).attr("y", top).attr("width", x(bound.value) - left).attr("height", height - top);
      svg.append("text").attr("class", "soft").attr("x", x(bound.value)).attr("y", 14).text(`no policy below ${digits(bound.value)} s`);
      svg.append("line").attr("class", "rule bound").attr("x1", x(bound.value)).attr("x2", x(bound.value)).attr("y1", top).attr("y2", height);
    }
    else if (bound) svg.append("text").attr("class", "soft").attr("x", left).attr("y", 14).text(`◂ no policy below ${digits(bound.value)} s`);
    if (mode === "llq") svg.append("line").attr("class", "rule").attr("x1", x(0)).attr("x2", x(0)).attr("y1", top).attr("y2", height);

    rows.forEach((row, i) => {
      const spread = spreadOf(row), colour = colourOf(row.policy);
      const y = top + i * rowHeight, middle = y + (narrow ? 30 : rowHeight / 2);
      const group = svg.append("g").attr("class", "row").attr("tabindex", i === 0 ? 0 : -1).attr("role", "button")
        .attr("aria-label", `${row.policy}: ${intervalText(spread, show)}`).datum(row);
      group.append("rect").attr("class", "back").attr("x", 0.5).attr("y", y + 0.5).attr("width", width - 1).attr("height", rowHeight - 1).attr("rx", 4);
      const name = group.append("text").attr("x", 6).attr("y", narrow ? y + 16 : middle + 4);
      name.text(row.policy);
      fitText(name, (narrow ? width - 110 : labelWidth) - 12);
      const value = group.append("text").attr("x", width - 6).attr("y", narrow ? y + 16 : middle + 4).attr("text-anchor", "end");
      value.text(narrow ? show(spread.value) : intervalText(spread, show));
      const clamp = at => Math.max(left, Math.min(right, at));
      const ends = [exists(spread.low) ? x(spread.low) : left, exists(spread.high) ? x(spread.high) : right];
      if ((exists(spread.low) || exists(spread.high)) && ends[0] < right && ends[1] > left) {
        group.append("line").attr("x1", clamp(ends[0])).attr("x2", clamp(ends[1])).attr("y1", middle).attr("y2", middle)
          .style("stroke", colour).attr("stroke-width", 2).attr("stroke-linecap", "round");
      }
      if (x(spread.value) <= right && x(spread.value) >= left) {
        group.append("path").attr("transform", `translate(${x(spread.value)},${middle})`)
          .attr("d", d3.symbol().type(row.clairvoyant ? d3.symbolDiamond : d3.symbolCircle).size(row.clairvoyant ? 58 : 66)())
          .style("fill", row.isDefault || row.clairvoyant ? "var(--card)" : colour).style("stroke", colour).attr("stroke-width", 2);
      } else {
        const atRight = x(spread.value) > right;
        group.append("path").attr("transform", `translate(${atRight ? right - 4 : left + 4},${middle}) rotate(${atRight ? 90 : -90})`)
          .attr("d", d3.symbol().type(d3.symbolTriangle).size(42)()).style("fill", colour);
      }
      const details = () => [["rank", row.rank ? String(row.rank) : "–"], [`${figureLabel(board.objective)}`, intervalText(row.value, v => digits(v, 4))],
        ["against llq", intervalText(row.vsLlq, v => percent(v))],
        ...(row.vsLor ? [["against lor", intervalText(row.vsLor, v => percent(v))]] : []),
        ...(row.gap !== null ? [["of the gap from llq to the bound", percent(row.gap, 0).replace("+", "")]] : []),
        ...(row.tie ? [["not distinguishable from", `rank ${row.tie}`]] : []),
        ...(row.infeasible ? [["breaks", row.infeasible]] : [])];
      const g = group.node();
      g.addEventListener("pointermove", event => showTip(row.policy, details(), pointOf(event)));
      g.addEventListener("pointerleave", hideTip);
      g.addEventListener("focus", () => {
        if (g.matches(":focus-visible")) followFocus(() => showTip(row.policy, details(), cornerOf(g)));
      });
      g.addEventListener("blur", () => followFocus(null));
      g.addEventListener("click", () => pick(row.policy));
      g.addEventListener("keydown", event => {
        const next = {ArrowDown: g.nextElementSibling, ArrowUp: g.previousElementSibling}[event.key];
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pick(row.policy); }
        if (!next) return;
        event.preventDefault();
        if (!next.classList.contains("row")) return;
        g.setAttribute("tabindex", -1);
        next.setAttribute("tabindex", 0);
        next.focus();
      });
    });
  });
}

// The same as a table of figures. `picked`: the policies drawn below; `pick` puts one there or takes it away.
function boardTable(parent, board, picked, pick) {
  const made = card("Figures", "Means over held-out seeds; click a heading to sort. Ticked policies are drawn below.");
  const rows = board.rows;
  const column = (name, get, title, show = null) => {
    const decimals = decimalsFor(rows.map(get).filter(value => typeof value === "number"));
    return {name, title, value: get, cell: row => typeof get(row) === "number" ? (show || (v => fixed(v, decimals)))(get(row)) : "–"};
  };
  const figure = (name, label, show) => column(label, row => row.metrics[name], figureLabel(name), show);
  const change = (name, get) => ({
    name, title: "relative change on held-out seeds, paired by seed, with its 95% interval", value: row => get(row) ? get(row).value : null,
    cell: row => {
      const spread = get(row);
      if (row.failure || !spread) return "–";
      return element("span", {class: sideOf(spread, 0, board.higherIsBetter)}, percent(spread.value),
        element("span", {class: "ci"}, endsText(spread, percent)));
    }});
  const decimals = decimalsFor(board.shown.map(row => row.value.value));
  const columns = [
    {name: "draw", unsorted: true, class: "pick", title: "draw its distributions", cell: row => row.failure ? "" : element("input", {
      type: "checkbox", checked: picked.has(row.policy), "data-policy": row.policy, "aria-label": `draw ${row.policy}`,
      onchange: () => pick(row.policy)})},
    {name: "rank", value: row => row.rank || null, title: "by the objective on held-out seeds", cell: row => row.failure ? "failed" : row.rank ? String(row.rank) : "–"},
    {name: "policy", text: true, class: "text spec", value: row => row.policy, cell: row => {
      const cell = specElement(row.policy);
      if (row.isDefault) cell.append(element("span", {class: "tag"}, "default"));
      if (row.clairvoyant) cell.append(element("span", {class: "tag"}, "clairvoyant"));
      if (row.tie) cell.append(element("span", {class: "tag", title: "the paired test does not show a difference"}, `≈ rank ${row.tie}`));
      if (row.infeasible) cell.append(element("span", {class: "tag"}, `breaks ${row.infeasible}`));
      if (row.failure) cell.append(element("span", {class: "tag"}, row.failure));
      return cell;
    }},
    {name: objectiveName(board), title: figureLabel(board.objective), value: row => row.value ? row.value.value : null, cell: row => !row.value || row.failure ? "–" :
      element("span", {}, fixed(row.value.value, decimals), element("span", {class: "ci"}, endsText(row.value, v => fixed(v, decimals))))},
    change("vs llq", row => row.vsLlq),
    change("vs lor", row => row.vsLor),
    ...(rows.some(row => row.gap !== null) ? [column("gap closed", row => row.gap, "share of the gap from llq to the interference-free bound", v => percent(v, 0).replace("+", ""))] : []),
    figure("p99_e2e_s", "e2e p99, s"), figure("mean_ttft_s", "TTFT, s"), figure("p99_ttft_s", "TTFT p99, s"),
    figure("mean_tpot_s", "TPOT, s"), figure("num_restarts", "restarts", v => fixed(v, 0)),
    figure("kv_use_mean", "KV use", v => fixed(100 * v, 1) + "%"), figure("imbalance", "imbalance", v => fixed(v, 3)),
  ];
  made.classList.add("board");
  table(made, "Leaderboard", columns, rows, {rowClass: row => row.clairvoyant || row.failure ? "reference" : null});
  parent.append(made);
}
function objectiveName(board) {
  const short = {mean_e2e_s: "mean e2e, s", p99_e2e_s: "p99 e2e, s", mean_ttft_s: "mean TTFT, s", mean_tpot_s: "mean TPOT, s"};
  return short[board.objective] || board.objective;
}
