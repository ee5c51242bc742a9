// Distributions of request times, one line a policy: the share of requests that take at most so long, or its rest.

// items: () => [{label, colour, dash, sketch}], sketch: quantiles at data.levels by figure.
function distributions(parent, note, items) {
  let mode = "share";
  const made = card("Distributions over requests", note,
    choice("Vertical axis", [["share", "share of requests"], ["tail", "tail"]], mode, key => { mode = key; made.redraw(); }));
  made.classList.add("distributions");
  const legend = element("ul", {class: "legend"});
  const panels = element("div", {class: "panels"});
  made.append(legend, panels);
  parent.append(made);
  const boxes = [["e2e_s", "End-to-end time, s"], ["ttft_s", "Time to first token, s"], ["tpot_s", "Time per output token, s"]].map(
    ([figure, title]) => plot(panels, (box, width) => drawDistribution(box, width, figure, title, items(), mode)));
  made.redraw = () => {
    legend.replaceChildren(...items().map(item => {
      const key = d3.create("svg").attr("width", 26).attr("height", 8).style("display", "inline-block");
      key.append("line").attr("x1", 0).attr("x2", 26).attr("y1", 4).attr("y2", 4).style("stroke", item.colour).attr("stroke-width", 2).attr("stroke-dasharray", item.dash);
      return element("li", {}, key.node(), item.label);
    }));
    for (const box of boxes) box.redraw();
  };
  made.redraw();
  return made;
}

function drawDistribution(box, width, figure, title, items, mode) {
  const drawn = items.filter(item => item.sketch[figure].length > 0);
  const height = 250, top = 26, bottom = 206, left = 44, right = width - 10;
  const svg = svgIn(box, width, height, `${title} of ${drawn.map(item => item.label).join(", ")}`);
  if (drawn.length === 0) {
    svg.append("text").attr("class", "soft").attr("x", width / 2).attr("y", height / 2).attr("text-anchor", "middle").text(items.length ? "no requests" : "tick a policy above");
    return;
  }
  const at = level => data.levels.findIndex(other => other >= level - 1e-9);
  const quantile = (item, level) => item.sketch[figure][at(level)];
  const lowest = d3.min(drawn, item => quantile(item, 0.01)), highest = d3.max(drawn, item => quantile(item, mode === "tail" ? 1 : 0.995));
  const log = lowest > 0 && highest / lowest > 40;
  const x = (log ? d3.scaleLog() : d3.scaleLinear()).domain([log ? lowest : 0, highest]).range([left, right]).clamp(true);
  const y = (mode === "tail" ? d3.scaleLog().domain([0.001, 1]) : d3.scaleLinear().domain([0, 1])).range([bottom, top]);
  const share = level => mode === "tail" ? Math.max(0.001, 1 - level) : level;
  bottomAxis(svg, x, bottom, bottom - top, title, {log, most: width < 300 ? 4 : 5});
  leftAxis(svg, y, left, right - left, mode === "tail" ? "longer than that" : "at most that",
    mode === "tail" ? {values: [0.001, 0.01, 0.1, 1], format: v => plain(100 * v) + "%"} : {values: [0, 0.25, 0.5, 0.75, 1], format: v => `${100 * v}%`});
  const line = d3.line().x(d => x(Math.max(d.value, x.domain()[0]))).y(d => y(d.share)).curve(d3.curveLinear);
  for (const item of drawn) {
    const points = data.levels.map((level, i) => ({value: item.sketch[figure][i], share: share(level)}));
    svg.append("path").attr("class", "curve").attr("d", line(points.filter(p => mode === "tail" || p.value <= highest))).style("fill", "none").style("stroke", item.colour)
      .attr("stroke-width", 2).attr("stroke-linejoin", "round").attr("stroke-dasharray", item.dash);
  }
  // Under the pointer, or by the arrow keys: each policy's quantile at one level.
  const cross = svg.append("line").attr("class", "cross").attr("x1", left).attr("x2", right).style("display", "none");
  const dots = drawn.map(item => svg.append("circle").attr("r", 4).style("fill", item.colour).style("display", "none"));
  const hide = () => { cross.style("display", "none"); dots.forEach(dot => dot.style("display", "none")); hideTip(); };
  const show = (index, where) => {
    const level = data.levels[index], row = y(share(level));
    cross.style("display", null).attr("y1", row).attr("y2", row);
    drawn.forEach((item, i) => dots[i].style("display", null).attr("cx", x(item.sketch[figure][index])).attr("cy", row));
    showTip(`${plain(100 * level)}% of requests take at most`, drawn.map(item => [item.label, `${digits(item.sketch[figure][index])} s`]), where);
  };
  const node = svg.node();
  node.setAttribute("tabindex", 0);
  let current = at(0.5);
  node.addEventListener("pointermove", event => {
    const inverse = y.invert(Math.max(top, Math.min(bottom, event.clientY - node.getBoundingClientRect().top)));
    const wanted = mode === "tail" ? 1 - inverse : inverse;
    current = d3.scan(data.levels, (a, b) => Math.abs(a - wanted) - Math.abs(b - wanted));
    show(current, pointOf(event));
  });
  node.addEventListener("pointerleave", hide);
  node.addEventListener("blur", hide);
  node.addEventListener("keydown", event => {
    const step = {ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    current = Math.max(0, Math.min(data.levels.length - 1, current + step));
    show(current, cornerOf(node));
  });
}
