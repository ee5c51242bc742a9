// A suite: policies ranked over several scenarios, by their ratios to llq.

function showSuite(suite, index) {
  const raw = suite.suite;
  const made = part(`suite-${index}`, `Suite ${suite.name}`, `${raw.scenarios.length} scenarios`, "suite");
  facts(made, [["scenarios", raw.scenarios.map(scenario => scenario.name).join(", ")], ["objective", figureLabel(raw.objective)],
    ["constraints", raw.constraints]]);
  const less = figure => exists(figure) ? figure - 1 : null;
  const minusOne = spread => ({value: less(spread.value), low: less(spread.low), high: less(spread.high)});
  const rows = raw.rows.map(row => ({
    policy: row.policy, isDefault: false, clairvoyant: row.clairvoyant, failure: row.failure, infeasible: row.infeasible, rank: row.rank,
    value: row.geometric_mean, vsLlq: row.geometric_mean && minusOne(row.geometric_mean), vsLor: null, gap: null, tie: row.not_distinguishable_from_rank || 0, raw: row,
  }));
  const board = {objective: "geometric mean of ratios to llq", rows, shown: rows.filter(row => !row.failure), higherIsBetter: raw.higher_is_better, bound: null, unit: ""};
  for (const row of rows) colourOf(row.policy);
  forest(made, board, () => {});

  const figures = card("Ratios by scenario", `On held-out seeds, over llq's: ${figureLabel(raw.objective).replace(/, s$/, "")}. Green: the whole interval is ${raw.higher_is_better ? "above 1, orange: below" : "below 1, orange: above"}. Click a heading to sort.`);
  figures.classList.add("suite-figures");
  const ratio = spread => element("span", {class: sideOf(spread, 1, raw.higher_is_better)}, fixed(spread.value, 3),
    element("span", {class: "ci"}, endsText(spread, v => fixed(v, 3))));
  const verdicts = ["no", "within error", "yes"];
  const cell = get => row => row.failure ? "–" : get(row.raw);
  table(figures, "Ratios by scenario", [
    {name: "rank", value: row => row.rank || null, cell: row => row.failure ? "failed" : row.rank ? String(row.rank) : "–"},
    {name: "policy", text: true, class: "text spec", value: row => row.policy, cell: row => {
      const made = specElement(row.policy);
      if (row.clairvoyant) made.append(element("span", {class: "tag"}, "clairvoyant"));
      if (row.tie) made.append(element("span", {class: "tag"}, `≈ rank ${row.tie}`));
      if (row.infeasible) made.append(element("span", {class: "tag"}, `breaks ${row.infeasible}`));
      if (row.failure) made.append(element("span", {class: "tag"}, row.failure));
      return made;
    }},
    {name: "geometric mean", value: row => row.value ? row.value.value : null, cell: cell(row => ratio(row.geometric_mean))},
    {name: "worst", value: row => row.failure ? null : row.raw.worst.value, cell: cell(row => element("span", {title: row.worst_scenario}, fixed(row.worst.value, 3)))},
    {name: "never worse", value: row => row.failure || !row.raw.never_worse ? null : verdicts.indexOf(row.raw.never_worse), cell: cell(row => row.never_worse || "–")},
    ...raw.scenarios.map((scenario, s) => ({name: scenario.name, value: row => row.failure ? null : row.raw.scenarios[s].ratio.value, cell: cell(row => ratio(row.scenarios[s].ratio))})),
  ], rows, {rowClass: row => row.clairvoyant || row.failure ? "reference" : null});
  made.append(figures, element("p", {class: "note"}, `Intervals: ${raw.intervals}.`));
}
