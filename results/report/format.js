// Elements and texts. Text from the data only ever becomes text nodes and attributes, never HTML.

const data = JSON.parse(document.getElementById("data").textContent);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

// A number to so many significant digits, without an exponent where that can be avoided.
function digits(value, significant = 4) {
  if (!exists(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-6) return value.toExponential(Math.max(0, significant - 1));
  const decimals = Math.max(0, significant - 1 - Math.floor(Math.log10(size)));
  return minus(d3.format(`,.${Math.min(decimals, 9)}f`)(value));
}
// A figure that does not exist, and an end of an interval that is not bounded, is null.
function exists(value) { return value !== null && value !== undefined && isFinite(value); }
// The ends of an interval as [low, high], "no interval" where there are too few seeds for one; ∞: not bounded.
function endsText(spread, show) {
  if (!exists(spread.value)) return "";
  if (!exists(spread.low) && !exists(spread.high)) return "no interval";
  return `[${exists(spread.low) ? show(spread.low) : "−∞"}, ${exists(spread.high) ? show(spread.high) : "∞"}]`;
}
function minus(text) { return text.replace("-", "−"); }
function fixed(value, decimals) { return !exists(value) ? "–" : minus(d3.format(`,.${decimals}f`)(value)); }
function percent(value, decimals = 1) { return !exists(value) ? "–" : minus(d3.format(`+.${decimals}f`)(100 * value)) + "%"; }

// Decimals with which a column of numbers shows about four significant digits of its middle value.
function decimalsFor(values) {
  const middle = d3.median(values.filter(value => typeof value === "number" && value !== 0 && isFinite(value)), Math.abs) || 1;
  return Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(middle))));
}

function familyOf(spec) { return spec.split("(")[0]; }
function argumentsOf(spec) { return spec.slice(familyOf(spec).length); }

// A spec that may break after its commas.
function specElement(spec) {
  const args = element("span", {class: "args"});
  for (const piece of argumentsOf(spec).split(/(?<=[(,])/)) args.append(piece, element("wbr"));
  return element("span", {class: "spec"}, familyOf(spec), args);
}

// What a figure is called and in which unit it is, from its one declaration.
function figureLabel(name) { return data.figures[name] || name; }
function unitOf(name) {
  if (/_s$/.test(name)) return "s";
  return /_rps$/.test(name) || name.startsWith("goodput") ? "requests/s" : "";
}

// Colours: a policy has the same one everywhere, by the order in which policies appear.
const families = [];
function colourOf(spec) {
  const family = familyOf(spec);
  if (!families.includes(family)) families.push(family);
  return `var(--c${families.indexOf(family) % 10})`;
}

// Several lines of one policy are told apart by dashes.
function dashesOf(specs) {
  const seen = {};
  return specs.map(spec => {
    const family = familyOf(spec);
    seen[family] = (seen[family] || 0) + 1;
    return ["none", "6 3", "2 3", "9 3 2 3"][(seen[family] - 1) % 4];
  });
}
