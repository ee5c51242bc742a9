// What all charts share: the tooltip, cards, redrawing at another width, axes.

const tip = document.getElementById("tip");
let tipOwner = null;

// `title`, then pairs of [label, value]. Beside the pointer, or the element if there is no pointer.
function showTip(title, pairs, at, owner = null) {
  const grid = element("div", {class: "pairs"});
  for (const [label, value] of pairs) grid.append(element("span", {}, label), element("span", {}, value));
  tip.replaceChildren(element("b", {}, title), grid);
  tip.hidden = false;
  tipOwner = owner;
  const box = tip.getBoundingClientRect();
  const x = at.x + 14 + box.width > innerWidth - 8 ? at.x - 14 - box.width : at.x + 14;
  const y = at.y + 14 + box.height > innerHeight - 8 ? at.y - 14 - box.height : at.y + 14;
  tip.style.left = `${Math.max(8, Math.min(x, innerWidth - box.width - 8))}px`;
  tip.style.top = `${Math.max(8, y)}px`;
}
function hideTip() { tip.hidden = true; tipOwner = null; }
// What the keyboard is at may still scroll into sight: its tooltip goes along. null: the keyboard has left.
let showOfFocus = null;
function followFocus(show) {
  showOfFocus = show;
  if (show) show(); else hideTip();
}
addEventListener("keydown", event => { if (event.key === "Escape") followFocus(null); });
addEventListener("scroll", () => { if (showOfFocus) showOfFocus(); else hideTip(); }, {passive: true});

function pointOf(event) { return {x: event.clientX, y: event.clientY}; }
function cornerOf(node) {
  const box = node.getBoundingClientRect();
  return {x: box.left + Math.min(box.width / 2, 300), y: box.bottom - 8};
}

function card(title, note, ...controls) {
  const made = element("div", {class: "card"}, element("header", {}, element("h2", {}, title), ...controls));
  if (note) made.append(element("p", {class: "note"}, note));
  return made;
}

// Buttons of which one is pressed. `options`: [key, text] pairs.
function choice(label, options, current, onchange) {
  const group = element("span", {class: "choice", role: "group", "aria-label": label});
  for (const [key, text] of options) {
    group.append(element("button", {type: "button", "data-key": key, "aria-pressed": String(key === current), onclick: () => {
      for (const button of group.children) button.setAttribute("aria-pressed", String(button.dataset.key === key));
      onchange(key);
    }}, text));
  }
  return group;
}

function selection(label, options, current, onchange) {
  const made = element("select", {"aria-label": label, onchange: event => onchange(event.target.value)});
  for (const [key, text] of options) made.append(element("option", {value: key, selected: key === current}, text));
  return made;
}

// A box that calls draw(box, width) now, whenever its width changes, and when redraw() is called.
function plot(parent, draw) {
  const box = element("div", {class: "plot"});
  parent.append(box);
  let width = 0;
  box.redraw = () => {
    if (width <= 0) return;
    hideTip();
    box.replaceChildren();
    draw(box, width);
  };
  new ResizeObserver(entries => {
    const now = Math.floor(entries[0].contentRect.width);
    if (now === width) return;
    width = now;
    box.redraw();
  }).observe(box);
  return box;
}

function svgIn(box, width, height, label) {
  return d3.select(box).append("svg").attr("width", width).attr("height", height)
    .attr("viewBox", `0 0 ${width} ${height}`).attr("role", "img").attr("aria-label", label);
}

function tickText(scale, count) {
  const format = scale.tickFormat(count);
  return value => minus(format(value).replace("−", "-"));
}

// Ticks of a logarithmic scale: powers of ten and, if these are few, 2 and 5 times them.
function logTicks(scale, most) {
  const [low, high] = scale.domain();
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power) {
      for (const step of steps) {
        const tick = step * Math.pow(10, power);
        if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
      }
    }
    if (ticks.length <= most || steps.length === 1) return ticks;
  }
}
function plain(value) { return String(Number(value.toPrecision(6))).replace("-", "−"); }

// An axis below (or beside) the plot, its grid lines, and what it counts. `size` is the length of the grid lines.
function bottomAxis(svg, scale, y, size, label, {log = false, most = 6} = {}) {
  const axis = log ? d3.axisBottom(scale).tickValues(logTicks(scale, most)).tickFormat(plain)
                   : d3.axisBottom(scale).ticks(most).tickFormat(tickText(scale, most));
  svg.append("g").attr("class", "axis").attr("transform", `translate(0,${y})`).call(axis.tickSize(-size).tickPadding(7));
  const [left, right] = scale.range();
  if (label) svg.append("text").attr("class", "label").attr("x", (left + right) / 2).attr("y", y + 34).attr("text-anchor", "middle").text(label);
}
function leftAxis(svg, scale, x, size, label, {most = 5, format = null, values = null} = {}) {
  const axis = d3.axisLeft(scale).ticks(most).tickFormat(format || tickText(scale, most));
  if (values) axis.tickValues(values);
  svg.append("g").attr("class", "axis").attr("transform", `translate(${x},0)`).call(axis.tickSize(-size).tickPadding(7));
  if (label) svg.append("text").attr("class", "label").attr("x", 0).attr("y", Math.min(...scale.range()) - 9).text(label);
}

// A text that is cut to fit, with an ellipsis.
function fitText(text, width) {
  const node = text.node();
  let content = text.text();
  if (node.getComputedTextLength() <= width) return;
  let low = 0, high = content.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    text.text(content.slice(0, middle) + "…");
    if (node.getComputedTextLength() <= width) low = middle; else high = middle - 1;
  }
  text.text(content.slice(0, low) + "…");
}
