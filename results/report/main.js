// Puts the page together.

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").setAttribute("aria-pressed", String(theme === "dark"));
}
const system = matchMedia("(prefers-color-scheme: dark)");
let chosenTheme = null;
try { chosenTheme = localStorage.getItem("switchyard-theme"); } catch (error) { /* a page from a file may not store */ }
setTheme(chosenTheme === "dark" || chosenTheme === "light" ? chosenTheme : system.matches ? "dark" : "light");
system.addEventListener("change", event => { if (!chosenTheme) setTheme(event.matches ? "dark" : "light"); });
document.getElementById("theme").addEventListener("click", () => {
  chosenTheme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  setTheme(chosenTheme);
  try { localStorage.setItem("switchyard-theme", chosenTheme); } catch (error) { /* as above */ }
});

const content = document.getElementById("content");
const nav = document.getElementById("nav");
function part(id, kind, title, navText) {
  const made = element("section", {class: "part", id, "aria-labelledby": `${id}-title`}, element("p", {class: "kind"}, kind), element("h1", {id: `${id}-title`}, title));
  content.append(made);
  nav.append(element("a", {href: `#${id}`}, navText));
  return made;
}

// [label, value] pairs in one line.
function facts(parent, pairs) {
  const line = element("p", {class: "facts"});
  pairs.filter(([, value]) => value !== undefined && value !== "").forEach(([label, value], i) => line.append(i ? " · " : "", `${label} `, element("b", {}, String(value))));
  parent.append(line);
}

function tile(term, text, small = null, kind = null) {
  return element("div", {class: "tile"}, element("dt", {}, term), element("dd", {class: kind}, text, small ? element("small", {}, small) : null));
}

function showSearch(search, index) {
  const raw = search.leaderboard, board = readBoard(raw);
  const made = part(`search-${index}`, `Search ${search.name}`, raw.scenario, raw.scenario);
  const config = search.search ? search.search.config : {};
  facts(made, [["workload", raw.workload], ["batch times", raw.cost], ["method", config.method], ["tuned on seeds", raw.train_seeds], ["judged on seeds", raw.held_out_seeds], ["constraints", raw.constraints]]);
  const best = board.shown.find(row => !row.clairvoyant && !row.infeasible);
  if (best) {
    made.append(element("dl", {class: "tiles"},
      tile("best policy", specElement(best.policy), null, "spec"),
      tile(objectiveName(board), digits(best.value.value), `95%: ${endsText(best.value, v => digits(v))}`),
      tile("against llq", percent(best.vsLlq.value), `95%: ${endsText(best.vsLlq, v => percent(v))}`),
      tile("against lor", percent(best.vsLor.value), `95%: ${endsText(best.vsLor, v => percent(v))}`),
      board.bound ? tile("interference-free bound, s", digits(board.bound.value), best.gap === null ? null : `${percent(best.gap, 0).replace("+", "")} of the gap from llq closed`) : null));
  }

  const sketches = new Map((search.distributions ? search.distributions.rows : []).map(row => [row.policy, row]));
  const picked = new Set();
  for (const row of [...board.shown.filter(row => !row.clairvoyant).slice(0, 2), ...board.shown.filter(row => ["lor", "llq"].includes(row.policy))]) {
    if (sketches.has(row.policy)) picked.add(row.policy);
  }
  let drawn = null;
  const pick = policy => {
    if (!sketches.has(policy)) return;
    if (picked.has(policy)) picked.delete(policy); else picked.add(policy);
    for (const input of made.querySelectorAll("input[data-policy]")) input.checked = picked.has(input.dataset.policy);
    drawn.redraw();
  };
  for (const row of board.rows) colourOf(row.policy);
  forest(made, board, pick);
  boardTable(made, board, picked, pick);
  if (sketches.size) {
    drawn = distributions(made, "Requests of all held-out seeds together. Pointing at a height gives each policy's quantile there.", () => {
      const specs = board.rows.map(row => row.policy).filter(policy => picked.has(policy)), dashes = dashesOf(specs);
      return specs.map((policy, i) => ({label: policy, colour: colourOf(policy), dash: dashes[i], sketch: sketches.get(policy)}));
    });
  }
  if (search.search) {
    searchHistory(made, search.search, board);
    parameters(made, search.search, board);
    importances(made, search.search);
  }
  if (raw.intervals) made.append(element("p", {class: "note"}, `Intervals: ${raw.intervals}.`));
}

function showRuns(runs) {
  for (const run of runs) {
    run.label = runs.filter(other => other.policy === run.policy).length > 1 ? `${run.policy} (${run.name})` : run.policy;
    colourOf(run.policy);
  }
  const made = part("runs", runs.length === 1 ? "Run" : "Runs", runs.length === 1 ? runs[0].policy : `${runs.length} runs`, "runs");
  const common = name => new Set(runs.map(run => run[name])).size === 1 ? runs[0][name] : undefined;
  facts(made, [["scenario", common("scenario")], ["seed", common("seed")], ["workload", common("workload")], ["batch times", common("cost")], ["replica scheduler", common("replica_scheduler")]]);
  const figures = card("Figures", "Click a heading to sort.");
  figures.classList.add("run-figures");
  const ofHandOffs = ["split_share", "mean_transfer_s", "moved_gb", "mean_handoff_wait_s"]; // shown if prefill and decode are apart
  const ofCaches = ["hit_rate", "num_recomputed_tokens", "num_evicted_blocks"]; // shown if a prefix cache was of use
  const names = ["mean_e2e_s", "p50_e2e_s", "p99_e2e_s", "mean_ttft_s", "p99_ttft_s", "mean_tpot_s", "p99_tpot_s", "throughput_rps", "kv_use_mean", "imbalance", "hit_rate", "num_recomputed_tokens", "num_evicted_blocks", ...ofHandOffs, "num_restarts", "num_batches", "num_requests"]
    .filter(name => runs.some(run => typeof run.summary[name] === "number"))
    .filter(name => !ofHandOffs.includes(name) || runs.some(run => run.summary.split_share > 0))
    .filter(name => !ofCaches.includes(name) || runs.some(run => run.summary.hit_tokens + run.summary.hit_tokens_resumed > 0));
  const short = {mean_e2e_s: "mean e2e, s", p50_e2e_s: "e2e p50, s", p99_e2e_s: "e2e p99, s", mean_ttft_s: "mean TTFT, s", p99_ttft_s: "TTFT p99, s", mean_tpot_s: "mean TPOT, s", p99_tpot_s: "TPOT p99, s",
    throughput_rps: "requests/s", kv_use_mean: "KV use", hit_rate: "hit rate", num_recomputed_tokens: "recomputed", num_evicted_blocks: "evicted", split_share: "split", mean_transfer_s: "transfer, s", moved_gb: "moved, GB", mean_handoff_wait_s: "wait for a transfer, s", num_restarts: "restarts", num_batches: "batches", num_requests: "requests"};
  table(figures, "Figures of the runs", [
    {name: "policy", text: true, class: "text spec", value: run => run.policy, cell: run => specElement(run.policy)},
    ...(common("scenario") === undefined ? [{name: "scenario", text: true, value: run => run.scenario, cell: run => run.scenario}] : []),
    ...(common("seed") === undefined ? [{name: "seed", value: run => run.seed, cell: run => String(run.seed)}] : []),
    ...names.map(name => {
      const decimals = name.startsWith("num_") ? 0 : decimalsFor(runs.map(run => run.summary[name]));
      return {name: short[name] || name, title: figureLabel(name), value: run => run.summary[name], cell: run => typeof run.summary[name] !== "number" ? "–" : fixed(run.summary[name], decimals)};
    }),
    ...(runs.length > 1 ? [{name: "folder", text: true, value: run => run.name, cell: run => run.name}] : []),
  ], runs);
  made.append(figures);
  const dashes = dashesOf(runs.map(run => run.policy));
  distributions(made, "Pointing at a height gives each run's quantile there.", () => runs.map((run, i) => ({label: run.label, colour: colourOf(run.policy), dash: dashes[i], sketch: run.distribution})));
  replicaStates(made, runs);
}

data.suites.forEach(showSuite);
data.searches.forEach(showSearch);
if (data.runs.length) showRuns(data.runs);
data.validations.forEach(showValidation);
document.getElementById("foot").textContent = `Written by ${data.program}. Everything on this page is in this file; it loads nothing.`;
document.getElementById("licence").textContent = document.getElementById("licence-text").textContent.trim();
const titles = [...data.suites.map(suite => `suite of ${suite.suite.scenarios.length}`), ...data.searches.map(search => search.leaderboard.scenario), ...(data.runs.length ? [data.runs.length === 1 ? data.runs[0].policy : `${data.runs.length} runs`] : []), ...data.validations.map(validation => `validation of ${validation.validation.run}`)];
document.title = `${titles.slice(0, 3).join(", ")} · switchyard report`;
