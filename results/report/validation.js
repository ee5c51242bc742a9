// A measured run against its replay.

// Of each bin of arrivals the mean of a time, and at its middle how many requests were under way.
function validationLanes(raw) {
  const requests = raw.requests;
  const end = d3.max(requests, r => r.arrived_s + Math.max(...r.e2e_s)) || 1, bins = 60;
  const middles = d3.range(bins).map(i => (i + 0.5) * end / bins);
  const binned = (name, i) => middles.map((middle, b) => {
    const within = requests.filter(r => Math.floor(bins * r.arrived_s / end) === b);
    return within.length ? [middle, d3.mean(within, r => r[name][i])] : null;
  }).filter(point => point);
  const underWay = i => middles.map(t => [t, requests.filter(r => r.arrived_s <= t && t < r.arrived_s + r.e2e_s[i]).length]);
  const lanes = [
    {name: "mean end-to-end time, s", curves: [0, 1].map(i => binned("e2e_s", i))},
    {name: "mean time to first token, s", curves: [0, 1].map(i => binned("ttft_s", i))},
    {name: "requests under way", curves: [0, 1].map(underWay)},
  ];
  const logged = {running: "running, as logged", waiting: "waiting, as logged", kv_percent: "KV use, %"};
  for (const [key, name] of Object.entries(logged)) {
    if (raw.log && raw.log.rows.some(row => key in row)) lanes.push({name, curves: [0, 1].map(i => raw.log.rows.map(row => [row.t, row[key][i]]))});
  }
  return {end, lanes};
}

function validationCurves(parent, raw) {
  const {end, lanes} = validationLanes(raw);
  const made = card("Measured and simulated over time", "The line is what was measured, the dashes what was simulated, by time of arrival. Pointing shows both.");
  made.classList.add("validation-curves");
  plot(made, (box, width) => {
    const left = 56, right = width - 12, lane = 84, each = lane + 30, height = lanes.length * each;
    const svg = svgIn(box, width, height + 42, "Measured and simulated over time");
    const x = d3.scaleLinear().domain([0, end]).range([left, right]);
    lanes.forEach((it, l) => {
      const top = l * each + 20, high = d3.max(it.curves.flat(), point => point[1]) || 1;
      const y = d3.scaleLinear().domain([0, high]).range([top + lane, top]);
      svg.append("text").attr("x", left).attr("y", top - 6).style("font-weight", 550).text(it.name);
      for (const edge of [0, high]) {
        svg.append("line").attr("x1", left).attr("x2", right).attr("y1", y(edge)).attr("y2", y(edge)).style("stroke", "var(--grid)");
        svg.append("text").attr("class", "label").attr("x", left - 8).attr("y", y(edge) + 4).attr("text-anchor", "end").text(digits(edge, 3));
      }
      it.curves.forEach((curve, i) => svg.append("path").style("fill", "none").style("stroke", `var(--c${i})`).attr("stroke-width", 1.6)
        .attr("stroke-dasharray", i ? "5 3" : "none").attr("d", d3.line().x(point => x(point[0])).y(point => y(point[1]))(curve)));
    });
    svg.append("g").attr("class", "axis").attr("transform", `translate(0,${height})`).call(d3.axisBottom(x).ticks(width < 500 ? 4 : 9).tickSize(4).tickPadding(6));
    svg.append("text").attr("class", "label").attr("x", (left + right) / 2).attr("y", height + 36).attr("text-anchor", "middle").text("time since the first request, s");
    const cross = svg.append("line").attr("class", "cross").attr("y1", 14).attr("y2", height).style("display", "none");
    const g = svg.node();
    g.addEventListener("pointermove", event => {
      const time = x.invert(Math.max(left, Math.min(right, event.clientX - g.getBoundingClientRect().left)));
      const nearest = curve => curve.length ? curve[d3.scan(curve, (a, b) => Math.abs(a[0] - time) - Math.abs(b[0] - time))][1] : null;
      cross.style("display", null).attr("x1", x(time)).attr("x2", x(time));
      showTip(`${digits(time, 4)} s`, lanes.map(it => [it.name, it.curves.map(curve => digits(nearest(curve), 3)).join(" · ")]), pointOf(event));
    });
    g.addEventListener("pointerleave", () => { cross.style("display", "none"); hideTip(); });
  });
  parent.append(made);
}

function showValidation(validation, index) {
  const raw = validation.validation;
  const made = part(`validation-${index}`, `Validation ${validation.name}`, `${raw.num_requests} requests of ${raw.run}`, "validation");
  facts(made, [["profile", raw.profile], ["median error of a request", percent(raw.e2e_error_of_requests.p50).replace("+", "")],
    ["output tokens/s", percent(raw.output_tokens_per_s.error)], ["steps beyond what was measured", `${raw.simulated.num_extrapolated_steps} of ${raw.simulated.num_steps}`]]);
  const names = {e2e_s: "end to end, s", ttft_s: "first token, s", tpot_s: "per output token, s"};
  const rows = Object.entries(raw.metrics).flatMap(([metric, of]) => Object.entries(of).map(([what, pair]) => ({metric: names[metric] || metric, what, ...pair})));
  const figures = card("Errors", "Simulated over measured, less 1. Click a heading to sort.");
  figures.classList.add("validation-figures");
  table(figures, "Errors of the simulation", [
    {name: "time", text: true, value: row => row.metric, cell: row => row.metric},
    {name: "of", text: true, value: row => row.what, cell: row => row.what},
    {name: "measured", value: row => row.real, cell: row => digits(row.real)},
    {name: "simulated", value: row => row.simulated, cell: row => digits(row.simulated)},
    {name: "error", value: row => row.error, cell: row => percent(row.error)},
  ], rows);
  made.append(figures);
  validationCurves(made, raw);
}
