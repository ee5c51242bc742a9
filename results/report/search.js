// How a search went: every trial and the best so far; settings as lines through parallel axes; what matters how much.

const TRIAL = 0, VALUE = 1, SHARE = 2, FEASIBLE = 3, PARAMS = 4;  // places in a trial's row

function isWhole(trial) { return trial[VALUE] !== null && trial[SHARE] >= 1 && trial[FEASIBLE] === 1; }

function searchHistory(parent, search, board) {
  const tuned = search.policies.filter(policy => policy.trials.length > 0);
  const better = board.higherIsBetter ? (a, b) => a > b : (a, b) => a < b;
  let only = "";
  const made = card("Search history",
    "Each trial on training seeds, in the order in which it was asked for; faint ones were given up before they had run on all seeds, crosses failed. The line is the best so far.",
    selection("Policy", [["", "all policies"], ...tuned.filter(policy => policy.trials.length > 1).map(policy => [policy.name, policy.name])], only, key => { only = key; box.redraw(); }));
  made.classList.add("history");
  parent.append(made);
  const box = plot(made, (node, width) => {
    const trials = tuned.filter(policy => !only || policy.name === only)
      .flatMap(policy => policy.trials.map(trial => ({policy, trial})))
      .sort((a, b) => a.trial[TRIAL] - b.trial[TRIAL]);
    const height = 320, top = 24, bottom = 276, left = 52, right = width - 10;
    const svg = svgIn(node, width, height, "Objective of each trial, and the best so far");
    if (trials.length === 0) return;
    const whole = trials.filter(({trial}) => isWhole(trial));
    if (trials.every(({trial}) => trial[VALUE] === null)) return;
    const values = (whole.length ? whole : trials.filter(({trial}) => trial[VALUE] !== null)).map(({trial}) => trial[VALUE]).sort((a, b) => a - b);
    // The worst trials would flatten all others: the axis ends at four fifths of them.
    let [low, high] = board.higherIsBetter ? [d3.quantile(values, 0.2), values[values.length - 1]] : [values[0], d3.quantile(values, 0.8)];
    if (low === high) { low -= Math.abs(low) * 0.05 || 1; high += Math.abs(high) * 0.05 || 1; }
    const pad = (high - low) * 0.07;
    const x = d3.scaleLinear().domain([0, d3.max(trials, ({trial}) => trial[TRIAL]) || 1]).range([left + 4, right]);
    const y = d3.scaleLinear().domain([low - pad, high + pad]).range([bottom, top]).clamp(true);
    bottomAxis(svg, x, bottom, -4, "trial", {most: width < 500 ? 4 : 8});
    leftAxis(svg, y, left, right - left, figureLabel(board.objective));
    const marks = svg.append("g");
    const worst = board.higherIsBetter ? y.domain()[0] : y.domain()[1];
    const at = trial => y(trial[VALUE] === null ? worst : trial[VALUE]);
    for (const {policy, trial} of trials) {
      if (trial[VALUE] === null) {
        marks.append("path").attr("class", "failed").attr("d", "M-3,-3L3,3M-3,3L3,-3").attr("transform", `translate(${x(trial[TRIAL])},${at(trial)})`)
          .style("stroke", colourOf(policy.name)).style("opacity", 0.6);
        continue;
      }
      marks.append("circle").attr("cx", x(trial[TRIAL])).attr("cy", at(trial)).attr("r", isWhole(trial) ? 3 : 2.2)
        .style("fill", colourOf(policy.name)).style("opacity", isWhole(trial) ? 0.75 : 0.25);
    }
    let best = null;
    const steps = [];
    for (const {policy, trial} of whole) {
      if (best !== null && !better(trial[VALUE], best)) continue;
      best = trial[VALUE];
      steps.push({trial: trial[TRIAL], value: best, policy});
    }
    if (steps.length) {
      const line = d3.line().x(d => x(d.trial)).y(d => y(d.value)).curve(d3.curveStepAfter);
      svg.append("path").attr("class", "best").attr("d", line([...steps, {trial: x.domain()[1], value: best}])).style("fill", "none").style("stroke", "var(--ink)").attr("stroke-width", 1.8);
    }
    const ring = svg.append("circle").attr("r", 6).style("fill", "none").style("stroke", "var(--ink)").style("display", "none");
    const node2 = svg.node();
    node2.setAttribute("tabindex", 0);
    let current = 0;
    const show = (index, where) => {
      current = index;
      const {policy, trial} = trials[index];
      ring.style("display", null).attr("cx", x(trial[TRIAL])).attr("cy", at(trial));
      const soFar = steps.filter(step => step.trial <= trial[TRIAL]).pop();
      showTip(`trial ${trial[TRIAL]}: ${policy.name}`, [
        [objectiveName(board), trial[VALUE] === null ? "failed" : digits(trial[VALUE])],
        ...(trial[SHARE] < 1 ? [["given up after", `${Math.round(100 * trial[SHARE])}% of the seeds`]] : []),
        ...(trial[FEASIBLE] ? [] : [["constraints", "broken"]]),
        ...policy.params.map((param, i) => [param.name, trial[PARAMS + i]]).filter(([, value]) => value !== null).map(([name, value]) => [name, typeof value === "number" ? digits(value) : value]),
        ...(soFar ? [["best so far", digits(soFar.value)]] : [])], where);
    };
    const hide = () => { ring.style("display", "none"); hideTip(); };
    node2.addEventListener("pointermove", event => {
      const area = node2.getBoundingClientRect();
      const [px, py] = [event.clientX - area.left, event.clientY - area.top];
      show(d3.scan(trials, (a, b) => Math.hypot(x(a.trial[TRIAL]) - px, at(a.trial) - py) - Math.hypot(x(b.trial[TRIAL]) - px, at(b.trial) - py)), pointOf(event));
    });
    node2.addEventListener("pointerleave", hide);
    node2.addEventListener("blur", hide);
    node2.addEventListener("keydown", event => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
      if (!step) return;
      event.preventDefault();
      show(Math.max(0, Math.min(trials.length - 1, current + step)), cornerOf(node2));
    });
  });
  if (tuned.length > 1) {
    made.append(element("ul", {class: "legend"}, ...tuned.map(policy => element("li", {}, element("span", {class: "swatch", style: null, "data-colour": policy.name}),
      policy.num_trials > 1 ? `${policy.name} (${policy.num_trials} trials${policy.trials.length < policy.num_trials ? `, ${policy.trials.length} shown` : ""})` : policy.name))));
    for (const swatch of made.querySelectorAll("[data-colour]")) swatch.style.background = colourOf(swatch.dataset.colour);
  }
}

function parameters(parent, search, board) {
  const tuned = search.policies.filter(policy => policy.params.length > 0 && policy.trials.filter(trial => trial[VALUE] !== null).length > 2);
  if (tuned.length === 0) return;
  const first = board.shown.map(row => tuned.find(policy => policy.name === familyOf(row.policy))).find(policy => policy) || tuned[0];
  let policy = first, ranges = {};
  const reset = element("button", {type: "button", onclick: () => { ranges = {}; box.redraw(); }}, "clear ranges");
  const made = card("Parameters", "Each line is a setting; those that ran on all training seeds and kept to the constraints have colours, the others are faint. Drag along an axis to keep only the lines that pass there.",
    selection("Policy", tuned.map(one => [one.name, one.name]), policy.name, key => { policy = tuned.find(one => one.name === key); ranges = {}; box.redraw(); }), reset);
  made.classList.add("parameters");
  parent.append(made);
  const box = plot(made, (node, width) => drawParallel(node, width, policy, board, ranges));
}

function drawParallel(node, width, policy, board, ranges) {
  // The best are drawn last. Those that were given up early are all below those that ran on all seeds.
  const trials = policy.trials.filter(trial => trial[VALUE] !== null);
  trials.sort((a, b) => isWhole(a) - isWhole(b) || (board.higherIsBetter ? a[VALUE] - b[VALUE] : b[VALUE] - a[VALUE]));
  const partial = trials.filter(trial => !isWhole(trial)).length;
  const narrow = width < 560;
  const top = 40, bottom = 290, missing = 308, height = 330;
  const axes = [...policy.params.map((param, i) => ({name: param.name, doc: param.doc, place: PARAMS + i, param})),
    {name: objectiveName(board), doc: figureLabel(board.objective), place: VALUE, param: null}];
  const inner = Math.max(width, axes.length * 92);
  const scroll = element("div", {class: "scroll"});
  node.append(scroll);
  const svg = svgIn(scroll, inner, height, `Parallel coordinates of ${policy.name}: ${axes.map(axis => axis.name).join(", ")}`);
  svg.style("max-width", "none");
  const x = d3.scalePoint().domain(d3.range(axes.length)).range([narrow ? 44 : 60, inner - 64]);
  axes.forEach((axis, i) => {
    axis.x = axes.length > 1 ? x(i) : inner / 2;
    const values = trials.map(trial => trial[axis.place]).filter(value => value !== null);
    const param = axis.param;
    if (values.some(value => typeof value === "string")) {
      const choices = param && param.choices ? param.choices : Array.from(new Set(values)).sort();
      axis.scale = d3.scalePoint().domain(choices).range([bottom - 12, top + 12]);
      axis.ticks = choices;
      axis.format = value => value;
    } else {
      // The best tenth of settings often differs little: the objective's axis ends at four fifths of the trials.
      const sorted = values.slice().sort((a, b) => a - b);
      let domain = param && param.low !== undefined ? [param.low, param.high]
        : param ? d3.extent(values) : board.higherIsBetter ? [d3.quantile(sorted, 0.2), sorted[sorted.length - 1]] : [sorted[0], d3.quantile(sorted, 0.8)];
      if (domain[0] === domain[1]) domain = [domain[0] - 1, domain[1] + 1];
      const log = param && param.log && domain[0] > 0;
      axis.scale = (log ? d3.scaleLog() : d3.scaleLinear()).domain(domain).range([bottom, top]).clamp(true);
      axis.ticks = log ? logTicks(axis.scale, 6) : axis.scale.ticks(5);
      axis.format = log ? plain : tickText(axis.scale, 5);
    }
    axis.at = trial => trial[axis.place] === null ? missing : axis.scale(trial[axis.place]);
  });
  const kept = trial => Object.entries(ranges).every(([i, [from, to]]) => axes[i].at(trial) >= from && axes[i].at(trial) <= to);
  const lines = svg.append("g").style("fill", "none");
  const path = d3.line();
  const rank = d3.scaleLinear().domain([partial - 1, trials.length - 1]).clamp(true);
  const paths = trials.map((trial, i) => lines.append("path").attr("d", path(axes.map(axis => [axis.x, axis.at(trial)])))
    .attr("stroke-linejoin", "round").datum({trial, share: rank(i)}).node());
  const count = svg.append("text").attr("class", "soft").attr("x", 4).attr("y", height - 2);
  const paint = () => {
    let left = 0;
    for (const one of paths) {
      const {trial, share} = one.__data__;
      const on = kept(trial);
      left += on;
      one.style.stroke = on ? share > 0.9 ? "var(--c1)" : share > 0.6 ? "var(--accent)" : "var(--soft)" : "var(--line)";
      one.style.opacity = on ? share > 0.9 ? 0.95 : share > 0.6 ? 0.5 : 0.22 : 0.15;
      one.style.strokeWidth = on && share > 0.9 ? 1.8 : 1;
    }
    count.text(`${left} of ${trials.length} settings; orange: the best tenth, blue: the next three`);
  };
  axes.forEach((axis, i) => {
    const group = svg.append("g").attr("class", "axis parallel").attr("transform", `translate(${axis.x},0)`);
    group.append("line").attr("y1", top).attr("y2", bottom).style("stroke", "var(--soft)");
    for (const tick of axis.ticks) {
      const y = axis.scale(tick);
      group.append("line").attr("x1", -4).attr("x2", 0).attr("y1", y).attr("y2", y).style("stroke", "var(--soft)");
      group.append("text").attr("x", -7).attr("y", y + 4).attr("text-anchor", "end").text(axis.format(tick))
        .style("paint-order", "stroke").style("stroke", "var(--card)").style("stroke-width", 3);
    }
    if (trials.some(trial => trial[axis.place] === null)) group.append("text").attr("x", 0).attr("y", missing + 4).attr("text-anchor", "middle").text("unused");
    const name = group.append("text").attr("y", 16).attr("text-anchor", i === axes.length - 1 ? "end" : "middle").attr("x", i === axes.length - 1 ? 40 : 0)
      .style("fill", "var(--ink)").style("font-weight", 550).text(axis.name);
    if (axis.doc) name.append("title").text(axis.doc);
    fitText(name, inner / axes.length - 8);
    const brush = d3.brushY().extent([[-14, top - 6], [14, missing + 8]]);
    const moved = function () {
      const event = arguments[0] && "selection" in Object(arguments[0]) ? arguments[0] : d3.event;
      if (event.selection) ranges[i] = event.selection; else delete ranges[i];
      paint();
    };
    const area = group.append("g").attr("class", "brush").call(brush);
    if (ranges[i]) area.call(brush.move, ranges[i]);
    brush.on("brush end", moved);
  });
  paint();
  const g = svg.node();
  g.addEventListener("pointermove", event => {
    const index = paths.indexOf(event.target);
    if (index < 0) { hideTip(); return; }
    const trial = trials[index];
    showTip(`trial ${trial[TRIAL]}`, axes.map(axis => [axis.name, trial[axis.place] === null ? "unused" : typeof trial[axis.place] === "number" ? digits(trial[axis.place]) : trial[axis.place]]), pointOf(event));
  });
  g.addEventListener("pointerleave", hideTip);
}

// Bars: importances as the search gives them, {name: share of the variance}.
function importances(parent, search) {
  const known = search.policies.filter(policy => policy.importances && Object.keys(policy.importances).length > 0);
  if (known.length === 0) return;
  const made = card("Importance of parameters", "Share of the variance of the objective's logarithm over the whole space that each parameter explains alone, as a random forest over the trials sees it. What is missing to 1 is what parameters do together.");
  made.classList.add("importances");
  parent.append(made);
  plot(made, (node, width) => {
    const bars = known.flatMap(policy => Object.entries(policy.importances).map(([name, value]) => ({policy: policy.name, name, value: typeof value === "number" ? value : value.value})));
    const labelWidth = Math.min(260, width * 0.5), step = 24, top = 4;
    const svg = svgIn(node, width, top + bars.length * step + 40, "Importance of each parameter");
    const x = d3.scaleLinear().domain([0, Math.max(1e-9, d3.max(bars, bar => bar.value))]).nice().range([labelWidth + 8, width - 50]);
    bottomAxis(svg, x, top + bars.length * step, bars.length * step, "share of variance", {most: 4});
    bars.forEach((bar, i) => {
      const y = top + i * step;
      fitText(svg.append("text").attr("x", labelWidth).attr("y", y + 16).attr("text-anchor", "end").text(`${bar.policy}: ${bar.name}`), labelWidth - 4);
      svg.append("rect").attr("x", x(0)).attr("y", y + 5).attr("width", Math.max(1, x(Math.max(0, bar.value)) - x(0))).attr("height", step - 10).attr("rx", 2).style("fill", colourOf(bar.policy));
      svg.append("text").attr("class", "soft").attr("x", x(Math.max(0, bar.value)) + 6).attr("y", y + 16).text(digits(bar.value, 2));
    });
  });
}
