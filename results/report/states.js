// What each replica of a run did over time: batches by kind, KV cache, requests. All replicas share one time axis.

const KINDS = [["decode", "decode batches"], ["mixed", "mixed batches"], ["prefill", "prefill batches"]];

function replicaStates(parent, runs) {
  const known = runs.filter(run => run.states);
  if (known.length === 0) return;
  let run = known[0], view = null, most = 8;
  const more = element("button", {type: "button", onclick: () => { most = Infinity; box.redraw(); }}, "show all replicas");
  const all = element("button", {type: "button", onclick: () => { view = null; box.redraw(); }}, "whole run");
  const made = card("Replicas over time", "Drag to zoom in; with the keyboard: + and − zoom, arrows move, 0 shows all."
    + (known.some(one => one.states.num_replicas) ? " There are too many replicas for a page: only the first of them are here." : ""),
    ...(known.length > 1 ? [selection("Run", known.map((one, i) => [String(i), one.label]), "0", key => { run = known[key]; view = null; box.redraw(); })] : []), all, more);
  made.classList.add("states");
  const swatch = (variable, label, thin) => {
    const key = element("span", {class: "swatch"});
    key.style.background = `var(--${variable})`;
    if (thin) { key.style.height = "3px"; key.style.width = "18px"; key.style.verticalAlign = "4px"; }
    return element("li", {}, key, label);
  };
  made.append(element("ul", {class: "legend"}, swatch("prefill", "prefill"), swatch("mixed", "prefill and decode"), swatch("decode", "decode"),
    swatch("kv", "KV blocks", true), swatch("running", "running requests", true), swatch("waiting", "waiting requests", true)));
  parent.append(made);
  const box = plot(made, (node, width) => {
    const states = run.states, bins = states.queued.length, end = bins * states.bin_s;
    more.hidden = states.replicas.length <= most;
    more.textContent = states.num_replicas ? `show the first ${states.replicas.length} of ${states.num_replicas} replicas` : "show all replicas";
    all.hidden = view === null;
    const [from, to] = view || [0, end];
    const replicas = states.replicas.slice(0, most);
    const left = 52, right = width - 8, strip = 20, lane = 44, gap = 6, each = strip + 2 * lane + 3 * gap + 24;
    const queued = d3.max(states.queued) > 0, top = queued ? 62 : 16;
    const height = top + replicas.length * each;
    const svg = svgIn(node, width, height + 40, `Replicas over time under ${run.policy}`);
    const x = d3.scaleLinear().domain([from, to]).range([left, right]);
    const first = Math.max(0, Math.floor(from / states.bin_s) - 1), last = Math.min(bins, Math.ceil(to / states.bin_s) + 1);
    // About one bin a pixel and a half at most.
    const step = Math.max(1, Math.ceil((last - first) / ((right - left) / 1.5)));
    const spans = d3.range(first, last, step);
    const middle = i => (i + Math.min(step, bins - i) / 2) * states.bin_s;
    const mean = (series, i) => d3.mean(series.slice(i, i + step));
    const clip = `clip-${++clips}`;
    svg.append("clipPath").attr("id", clip).append("rect").attr("x", left).attr("y", 0).attr("width", right - left).attr("height", height);
    const line = (series, y, colour) => svg.append("path").attr("clip-path", `url(#${clip})`).style("fill", "none").style("stroke", `var(--${colour})`).attr("stroke-width", 1.4)
      .attr("d", d3.line().x(i => x(middle(i))).y(i => y(mean(series, i))).curve(d3.curveMonotoneX)(spans));
    const label = (text, y) => svg.append("text").attr("class", "label").attr("x", left - 8).attr("y", y).attr("text-anchor", "end").text(text);
    const laneScale = (high, y) => {
      const scale = d3.scaleLinear().domain([0, high || 1]).range([y + lane, y]);
      for (const edge of [0, high || 1]) svg.append("line").attr("x1", left).attr("x2", right).attr("y1", scale(edge)).attr("y2", scale(edge)).style("stroke", "var(--grid)");
      return scale;
    };
    if (queued) {
      svg.append("text").attr("x", left).attr("y", 11).style("font-weight", 550).text("global queue");
      const y = laneScale(d3.max(states.queued), 16);
      label(digits(d3.max(states.queued), 3), 26);
      line(states.queued, y, "waiting");
    }
    const highest = d3.max(states.replicas, replica => Math.max(d3.max(replica.running), d3.max(replica.waiting)));
    replicas.forEach((replica, r) => {
      let y = top + r * each + 14;
      svg.append("text").attr("x", left).attr("y", y - 4).style("font-weight", 550).text(`replica ${r}`);
      const stack = d3.stack().keys(KINDS.map(([kind]) => kind)).value((i, kind) => mean(replica[kind], i))(spans);
      const share = d3.scaleLinear().domain([0, 1]).range([y + strip, y]);
      svg.append("rect").attr("x", left).attr("y", y).attr("width", right - left).attr("height", strip).style("fill", "var(--hover)");
      for (const absence of (states.absences || []).filter(one => one.replica === r && one.to_s > from && one.from_s < to)) {
        svg.append("rect").attr("clip-path", `url(#${clip})`).attr("x", x(absence.from_s)).attr("y", y).attr("width", x(absence.to_s) - x(absence.from_s)).attr("height", strip + 2 * (gap + lane))
          .style("fill", absence.why === "failed" ? "var(--waiting)" : "var(--grid)").style("opacity", 0.35).append("title").text(`${absence.why}, ${digits(absence.from_s, 4)} to ${digits(absence.to_s, 4)} s`);
      }
      for (const layer of stack) {
        svg.append("path").attr("class", "kind").attr("clip-path", `url(#${clip})`).style("fill", `var(--${layer.key})`)
          .attr("d", d3.area().x(d => x(middle(d.data))).y0(d => share(d[0])).y1(d => share(d[1])).curve(d3.curveStep)(layer));
      }
      label("busy", y + 14);
      y += strip + gap;
      line(replica.kv_blocks, laneScale(states.num_blocks, y), "kv");
      label("KV", y + lane);
      label("100%", y + 9);
      y += lane + gap;
      const requests = laneScale(highest, y);
      line(replica.waiting, requests, "waiting");
      line(replica.running, requests, "running");
      label(digits(highest, 3), y + 9);
      label("reqs", y + lane);
    });
    svg.append("g").attr("class", "axis").attr("transform", `translate(0,${height})`).call(d3.axisBottom(x).ticks(width < 500 ? 4 : 9).tickSize(4).tickPadding(6));
    svg.append("text").attr("class", "label").attr("x", (left + right) / 2).attr("y", height + 36).attr("text-anchor", "middle").text("time since the start of the run, s");

    const cross = svg.append("line").attr("class", "cross").attr("y1", 14).attr("y2", height).style("display", "none");
    const zoom = svg.append("rect").attr("y", 0).attr("height", height).style("fill", "var(--accent)").style("opacity", 0.15).style("display", "none");
    const g = svg.node();
    g.setAttribute("tabindex", 0);
    let started = null, current = (from + to) / 2;
    const timeAt = event => x.invert(Math.max(left, Math.min(right, event.clientX - g.getBoundingClientRect().left)));
    const show = (time, where) => {
      current = time;
      const i = Math.max(0, Math.min(bins - 1, Math.floor(time / states.bin_s)));
      cross.style("display", null).attr("x1", x(time)).attr("x2", x(time));
      showTip(`${digits(time, 4)} s`, [...(queued ? [["global queue", digits(states.queued[i], 3)]] : []),
        ...replicas.flatMap((replica, r) => [[`replica ${r}: busy, KV`, `${Math.round(100 * (replica.prefill[i] + replica.decode[i] + replica.mixed[i]))}%, ${Math.round(100 * replica.kv_blocks[i] / states.num_blocks)}%`],
          ["running + waiting", `${digits(replica.running[i], 3)} + ${digits(replica.waiting[i], 3)}`]]).slice(0, 16)], where);
    };
    const hide = () => { cross.style("display", "none"); hideTip(); };
    const focusAt = (a, b) => {
      const least = 4 * states.bin_s, size = Math.max(least, Math.min(end, b - a));
      const start = Math.max(0, Math.min(end - size, a));
      const focused = document.activeElement === g;
      view = size >= end ? null : [start, start + size];
      box.redraw();
      if (focused) box.querySelector("svg").focus();
    };
    g.addEventListener("pointerdown", event => { started = timeAt(event); g.setPointerCapture(event.pointerId); });
    g.addEventListener("pointermove", event => {
      const time = timeAt(event);
      show(time, pointOf(event));
      if (started !== null) zoom.style("display", null).attr("x", x(Math.min(started, time))).attr("width", Math.abs(x(time) - x(started)));
    });
    g.addEventListener("pointerup", event => {
      const time = timeAt(event), began = started;
      started = null;
      zoom.style("display", "none");
      if (began !== null && Math.abs(x(time) - x(began)) > 8) focusAt(Math.min(began, time), Math.max(began, time));
    });
    g.addEventListener("pointercancel", () => { started = null; zoom.style("display", "none"); });
    g.addEventListener("pointerleave", hide);
    g.addEventListener("blur", hide);
    g.addEventListener("dblclick", () => { view = null; box.redraw(); });
    g.addEventListener("keydown", event => {
      const size = to - from;
      const action = {
        "+": () => focusAt(from + size / 4, to - size / 4), "=": () => focusAt(from + size / 4, to - size / 4),
        "-": () => focusAt(from - size / 2, to + size / 2), "0": () => focusAt(0, end),
        ArrowLeft: () => focusAt(from - size / 4, to - size / 4), ArrowRight: () => focusAt(from + size / 4, to + size / 4),
      }[event.key];
      if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      action();
    });
  });
}
let clips = 0;
