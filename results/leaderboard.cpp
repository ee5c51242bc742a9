#include "results/leaderboard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/input/error.hpp"
#include "results/text_table.hpp"

namespace switchyard {

namespace {

enum class Where : std::uint8_t {
  always,
  wide,
  other_objective,
  mean_e2e,
  tuned,
  wide_tuned,
  with_hits,
  with_hits_wide,
  with_losses,
  with_absences,
  with_hand_offs
};

// The columns of tables: name, and a cell's text. `precise` for files, short for people.
struct Column {
  std::string name;
  std::string (*cell)(const LeaderboardRow&, bool precise);
  Where where = Where::always;
  bool when_failed = false;
};

std::string number(double value, bool precise, int digits = 3) {
  if (std::isnan(value)) return precise ? "" : "-";  // the figure does not exist
  return precise ? fmt::format("{}", value) : fmt::format("{:.{}f}", value, digits);
}

std::string percent(const Spread& change, bool precise) {
  if (!precise) return change_text(change);
  return std::isnan(change.value) ? "" : fmt::format("{}", change.value);
}

std::string interval(const Spread& spread, bool precise) {
  return precise ? fmt::format("{}", spread.value) : interval_text(spread);
}

std::vector<Column> columns(const Leaderboard& leaderboard) {
  using Row = const LeaderboardRow&;
  const std::string figure = leaderboard.ranks_mean_e2e() ? "e2e" : leaderboard.objective;
  const std::string unit = leaderboard.ranks_mean_e2e() ? " s" : "";
  return {
      {"rank", [](Row row, bool p) { return p ? rank_text(row) : rank_text_with_tie(row); }, Where::always, true},
      {"policy", [](Row row, bool p) { return row.is_default && !p ? row.policy + " *" : row.policy; }, Where::always,
       true},
      {figure + " held-out" + unit, [](Row row, bool p) { return interval(row.held_out, p); }},
      {figure + " training" + unit, [](Row row, bool p) { return interval(row.training, p); }, Where::tuned},
      {"vs LOR", [](Row row, bool p) { return percent(row.change_against_lor, p); }},
      {"vs LLQ", [](Row row, bool p) { return percent(row.change_against_llq, p); }},
      {"gap closed",
       [](Row row, bool p) {
         if (std::isnan(row.gap_closed.value)) return std::string(p ? "" : "-");
         return p ? number(row.gap_closed.value, p) : fmt::format("{:.0f}%", 100 * row.gap_closed.value);
       },
       Where::mean_e2e},
      {"optimism", [](Row row, bool p) { return percent(row.optimism, p); }, Where::wide_tuned},
      {"mean e2e", [](Row row, bool p) { return number(row.metrics.mean_e2e_s, p); }, Where::other_objective},
      {"p50", [](Row row, bool p) { return number(row.metrics.p50_e2e_s, p, 2); }, Where::wide},
      {"p90", [](Row row, bool p) { return number(row.metrics.p90_e2e_s, p, 2); }, Where::wide},
      {"p99", [](Row row, bool p) { return number(row.metrics.p99_e2e_s, p, 2); }},
      {"longest wait", [](Row row, bool p) { return number(row.metrics.longest_wait_s, p, 1); }},
      {"ttft", [](Row row, bool p) { return number(row.metrics.mean_ttft_s, p); }},
      {"ttft p99", [](Row row, bool p) { return number(row.metrics.p99_ttft_s, p); }, Where::wide},
      {"tpot", [](Row row, bool p) { return number(row.metrics.mean_tpot_s, p, 4); }},
      {"tpot p99", [](Row row, bool p) { return number(row.metrics.p99_tpot_s, p, 4); }, Where::wide},
      {"slowdown", [](Row row, bool p) { return number(row.metrics.mean_slowdown, p, 2); }, Where::wide},
      {"prompt <128", [](Row row, bool p) { return number(row.metrics.slowdown_prompt_to_127, p, 2); }, Where::wide},
      {"128-511", [](Row row, bool p) { return number(row.metrics.slowdown_prompt_128_to_511, p, 2); }, Where::wide},
      {"512-2047", [](Row row, bool p) { return number(row.metrics.slowdown_prompt_512_to_2047, p, 2); }, Where::wide},
      {">=2048", [](Row row, bool p) { return number(row.metrics.slowdown_prompt_from_2048, p, 2); }, Where::wide},
      {"restarts", [](Row row, bool) { return fmt::format("{}", row.metrics.num_restarts); }},
      {"hit rate", [](Row row, bool p) { return number(row.metrics.hit_rate, p); }, Where::with_hits},
      {"recomputed", [](Row row, bool) { return fmt::format("{}", row.metrics.num_recomputed_tokens); },
       Where::with_hits_wide},
      {"evicted", [](Row row, bool) { return fmt::format("{}", row.metrics.num_evicted_blocks); },
       Where::with_hits_wide},
      {"failed", [](Row row, bool) { return fmt::format("{}", row.metrics.num_failed); }, Where::with_losses},
      {"retries", [](Row row, bool) { return fmt::format("{}", row.metrics.num_retries); }, Where::with_losses},
      {"replica hours", [](Row row, bool p) { return number(row.metrics.replica_hours, p, 2); }, Where::with_absences},
      {"down hours", [](Row row, bool p) { return number(row.metrics.down_hours, p, 2); }, Where::with_absences},
      {"split", [](Row row, bool p) { return number(row.metrics.split_share, p, 2); }, Where::with_hand_offs},
      {"transfer", [](Row row, bool p) { return number(row.metrics.mean_transfer_s, p, 4); }, Where::with_hand_offs},
      {"moved GB", [](Row row, bool p) { return number(row.metrics.moved_gb, p, 1); }, Where::with_hand_offs},
      {"kv use", [](Row row, bool p) { return number(row.metrics.kv_use_mean, p); }, Where::wide},
      {"imbalance", [](Row row, bool p) { return number(row.metrics.imbalance, p, 2); }, Where::wide},
  };
}

std::string figure_cell(const LeaderboardRow& row, const SummaryField& field, bool precise) {
  const double value = field.get(row.metrics);
  if (std::isnan(value)) return number(value, precise);
  return precise || field.whole() ? fmt::format("{}", value) : fmt::format("{:.4g}", value);
}

std::vector<std::vector<std::string>> cells(const Leaderboard& leaderboard, bool precise, const MoreColumns& more) {
  const bool with_hits = std::any_of(leaderboard.rows.begin(), leaderboard.rows.end(), [](const LeaderboardRow& row) {
    return row.metrics.hit_tokens + row.metrics.hit_tokens_resumed > 0;
  });
  const bool with_losses = std::any_of(leaderboard.rows.begin(), leaderboard.rows.end(), [](const LeaderboardRow& row) {
    return row.metrics.num_failed + row.metrics.num_retries > 0;
  });
  const bool with_absences = std::any_of(leaderboard.rows.begin(), leaderboard.rows.end(),
                                         [&](const LeaderboardRow& row) { return row.metrics.down_hours > 0; });
  const bool with_hand_offs = std::any_of(leaderboard.rows.begin(), leaderboard.rows.end(),
                                          [](const LeaderboardRow& row) { return row.metrics.split_share > 0; });
  std::vector<Column> shown;
  for (Column& column : columns(leaderboard)) {
    const bool show = column.where == Where::always || (column.where == Where::wide && more.wide) ||
                      (column.where == Where::other_objective && !leaderboard.ranks_mean_e2e()) ||
                      (column.where == Where::mean_e2e && leaderboard.ranks_mean_e2e()) ||
                      (column.where == Where::with_hits && with_hits) ||
                      (column.where == Where::with_hits_wide && with_hits && more.wide) ||
                      (column.where == Where::with_losses && with_losses) ||
                      (column.where == Where::with_absences && with_absences) ||
                      (column.where == Where::with_hand_offs && with_hand_offs) ||
                      (column.where == Where::tuned && leaderboard.tuned()) ||
                      (column.where == Where::wide_tuned && more.wide && leaderboard.tuned());
    if (show) shown.push_back(std::move(column));
  }
  std::vector<std::vector<std::string>> table(1);
  for (const Column& column : shown) table[0].push_back(column.name);
  for (const SummaryField* field : more.figures) table[0].push_back(field->name);
  for (const LeaderboardRow& row : leaderboard.rows) {
    std::vector<std::string>& line = table.emplace_back();
    for (const Column& column : shown) {
      line.push_back(row.failure.empty() || column.when_failed ? column.cell(row, precise) : "");
    }
    for (const SummaryField* field : more.figures) {
      line.push_back(row.failure.empty() ? figure_cell(row, *field, precise) : "");
    }
  }
  return table;
}

std::string caption(const Leaderboard& leaderboard) {
  std::string text = fmt::format(
      "{}: {} over held-out seeds {}{}. Workload: {}. Batch times: {}.\n"
      "Intervals {}. * default setting; (~k) not distinguishable from rank k.\n"
      "Each interval stands alone: of {} rows, some differ by luck; simultaneous_against_llq in the JSON "
      "holds for all together.\n",
      leaderboard.scenario, leaderboard.ranks_mean_e2e() ? "mean end-to-end time" : leaderboard.objective,
      leaderboard.held_out_seeds, leaderboard.tuned() ? ", tuned on seeds " + leaderboard.train_seeds : "",
      leaderboard.workload, leaderboard.cost, leaderboard.intervals, leaderboard.rows.size());
  if (!leaderboard.constraints.empty()) {
    text += fmt::format("Constraints on held-out means: {}; what breaks them comes last.\n", leaderboard.constraints);
  }
  if (leaderboard.ranks_mean_e2e()) {
    text += fmt::format(
        "Interference-free (each request alone, out of reach): {:.3f} s; gap closed: from LLQ towards it.\n",
        leaderboard.interference_free.value);
  }
  if (!leaderboard.digest.empty()) text += fmt::format("Digest: {}.\n", leaderboard.digest);
  if (!leaderboard.reproducible) text += "The search's budget was wall time: another run may find other settings.\n";
  for (const LeaderboardRow& row : leaderboard.rows) text += exclusion_text(row);
  return text;
}

Tone tone_of(const LeaderboardRow& row, const std::string& column, bool higher_is_better) {
  if (!row.failure.empty()) return Tone::bad;
  if (column != "vs LOR" && column != "vs LLQ") return row.clairvoyant ? Tone::faint : Tone::plain;
  return tone_of(column == "vs LOR" ? row.change_against_lor : row.change_against_llq, 0, higher_is_better);
}

// For people, in a terminal or as Markdown.
struct Table {
  std::vector<TableColumn> columns;
  std::vector<std::vector<TableCell>> rows;
};

Table table_of(const Leaderboard& leaderboard, const MoreColumns& more) {
  const auto texts = cells(leaderboard, false, more);
  Table table;
  for (std::size_t c = 0; c < texts[0].size(); ++c) {
    const bool change = texts[0][c].starts_with("vs ");
    table.columns.push_back(
        {.title = texts[0][c], .right = c >= 2, .wraps = c == 1, .importance = c < 3 ? kEssential : (change ? 1 : 0)});
  }
  for (std::size_t i = 1; i < texts.size(); ++i) {
    std::vector<TableCell>& row = table.rows.emplace_back();
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      const Tone tone = tone_of(leaderboard.rows[i - 1], table.columns[c].title, leaderboard.higher_is_better);
      row.push_back({texts[i][c], tone});
    }
  }
  return table;
}

std::string render_terminal(const Leaderboard& leaderboard, const TableStyle& style, const MoreColumns& more) {
  const Table table = table_of(leaderboard, more);
  return render_table(table.columns, table.rows, style) + "\n" + caption(leaderboard);
}

std::string render_markdown(const Leaderboard& leaderboard, const MoreColumns& more) {
  const Table table = table_of(leaderboard, more);
  return markdown_table(table.columns, table.rows) + "\n" + caption(leaderboard);
}

std::string render_csv(const Leaderboard& leaderboard, const MoreColumns& more) {
  auto texts = cells(leaderboard, true, {.wide = true, .figures = more.figures});
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i].push_back(i == 0 ? "digest" : leaderboard.digest);
  return csv_table(texts[0], {texts.begin() + 1, texts.end()});
}

}  // namespace

std::vector<std::string> table_format_names() { return {"table", "markdown", "csv", "json"}; }

TableFormat parse_table_format(const std::string& name) {
  const std::vector<std::string> names = table_format_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw unknown_name("--format", "format", name, names);
  return static_cast<TableFormat>(found - names.begin());
}

std::vector<const SummaryField*> parse_figures(std::string_view text, std::string_view where) {
  std::vector<const SummaryField*> figures;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    figures.push_back(&find_summary_field(text.substr(begin, end - begin), where));
    begin = end + 1;
  }
  return figures;
}

std::string render(const Leaderboard& leaderboard, TableFormat format, const TableStyle& style,
                   const MoreColumns& more) {
  switch (format) {
    case TableFormat::table: {
      const bool all = more.wide || !more.figures.empty();  // what is asked for is not left out for lack of room
      return render_terminal(leaderboard, all ? TableStyle{.colour = style.colour} : style, more);
    }
    case TableFormat::markdown:
      return render_markdown(leaderboard, more);
    case TableFormat::csv:
      return render_csv(leaderboard, more);
    case TableFormat::json:
      return leaderboard_json(leaderboard);
  }
  return "";
}

}  // namespace switchyard
