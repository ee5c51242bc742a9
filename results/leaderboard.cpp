#include "results/leaderboard.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/input/error.hpp"
#include "core/input/json_file.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Spread& spread) { return {{"value", spread.value}, {"low", spread.low}, {"high", spread.high}}; }

Spread spread_from(const nlohmann::json& json) { return {json.at("value"), json.at("low"), json.at("high")}; }

// The columns of tables: name, and a cell's text. `precise` for files, short for people.
struct Column {
  std::string name;
  std::string (*cell)(const LeaderboardRow&, std::size_t rank, bool precise);
};

std::string number(double value, bool precise, int digits = 3) {
  return precise ? fmt::format("{}", value) : fmt::format("{:.{}f}", value, digits);
}

std::string percent(const Spread& change, bool precise) {
  if (precise) return fmt::format("{}", change.value);
  return fmt::format("{:+.1f}% [{:+.1f}, {:+.1f}]", 100 * change.value, 100 * change.low, 100 * change.high);
}

std::string interval(const Spread& spread, bool precise) {
  if (precise) return fmt::format("{}", spread.value);
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", spread.value, spread.low, spread.high);
}

const std::vector<Column>& columns() {
  static const std::vector<Column> all = {
      {"rank",
       [](const LeaderboardRow& row, std::size_t rank, bool precise) {
         if (!row.failure.empty()) return std::string("failed");
         const bool tie = row.not_distinguishable_from > 0 && !precise;
         return tie ? fmt::format("{} (~{})", rank, row.not_distinguishable_from) : fmt::format("{}", rank);
       }},
      {"policy", [](const LeaderboardRow& row, std::size_t,
                    bool precise) { return row.is_default && !precise ? row.policy + " *" : row.policy; }},
      {"e2e held-out s",
       [](const LeaderboardRow& row, std::size_t, bool precise) { return interval(row.held_out_e2e, precise); }},
      {"e2e training s",
       [](const LeaderboardRow& row, std::size_t, bool precise) { return interval(row.training_e2e, precise); }},
      {"vs LOR",
       [](const LeaderboardRow& row, std::size_t, bool precise) { return percent(row.change_against_lor, precise); }},
      {"vs LLQ",
       [](const LeaderboardRow& row, std::size_t, bool precise) { return percent(row.change_against_llq, precise); }},
      {"p50", [](const LeaderboardRow& row, std::size_t, bool p) { return number(row.metrics.p50_e2e_s, p, 2); }},
      {"p90", [](const LeaderboardRow& row, std::size_t, bool p) { return number(row.metrics.p90_e2e_s, p, 2); }},
      {"p99", [](const LeaderboardRow& row, std::size_t, bool p) { return number(row.metrics.p99_e2e_s, p, 2); }},
      {"ttft", [](const LeaderboardRow& row, std::size_t, bool p) { return number(row.metrics.mean_ttft_s, p); }},
      {"ttft p99", [](const LeaderboardRow& row, std::size_t, bool p) { return number(row.metrics.p99_ttft_s, p); }},
      {"tpot", [](const LeaderboardRow& row, std::size_t, bool p) { return number(row.metrics.mean_tpot_s, p, 4); }},
      {"tpot p99", [](const LeaderboardRow& row, std::size_t, bool p) { return number(row.metrics.p99_tpot_s, p, 4); }},
      {"restarts",
       [](const LeaderboardRow& row, std::size_t, bool) { return fmt::format("{}", row.metrics.num_restarts); }},
      {"kv use", [](const LeaderboardRow& row, std::size_t, bool p) { return number(row.metrics.kv_use_mean, p); }},
      {"imbalance", [](const LeaderboardRow& row, std::size_t, bool p) { return number(row.metrics.imbalance, p, 2); }},
  };
  return all;
}

std::vector<std::vector<std::string>> cells(const Leaderboard& leaderboard, bool precise) {
  std::vector<std::vector<std::string>> table(1);
  for (const Column& column : columns()) table[0].push_back(column.name);
  for (std::size_t i = 0; i < leaderboard.rows.size(); ++i) {
    const LeaderboardRow& row = leaderboard.rows[i];
    std::vector<std::string>& line = table.emplace_back();
    for (std::size_t c = 0; c < columns().size(); ++c) {
      line.push_back(row.failure.empty() || c < 2 ? columns()[c].cell(row, i + 1, precise) : "");
    }
  }
  return table;
}

std::string caption(const Leaderboard& leaderboard) {
  std::string text = fmt::format(
      "{}: mean end-to-end time over held-out seeds {}, tuned on seeds {}. Workload: {}. Batch times: {}.\n"
      "Intervals {}. * default setting; (~k) not distinguishable from rank k.\n",
      leaderboard.scenario, leaderboard.held_out_seeds, leaderboard.train_seeds, leaderboard.workload, leaderboard.cost,
      leaderboard.intervals);
  for (const LeaderboardRow& row : leaderboard.rows) {
    if (!row.failure.empty()) text += fmt::format("Failed: {}: {}\n", row.policy, row.failure);
  }
  return text;
}

Tone tone_of(const LeaderboardRow& row, const std::string& column) {
  if (!row.failure.empty()) return Tone::bad;
  if (column != "vs LOR" && column != "vs LLQ") return Tone::plain;
  const Spread& change = column == "vs LOR" ? row.change_against_lor : row.change_against_llq;
  if (change.high < 0) return Tone::good;
  return change.low > 0 ? Tone::bad : Tone::faint;
}

std::string render_terminal(const Leaderboard& leaderboard, const TableStyle& style) {
  const auto table = cells(leaderboard, false);
  std::vector<TableColumn> shown;
  for (std::size_t c = 0; c < table[0].size(); ++c) {
    const bool change = table[0][c].starts_with("vs ");
    shown.push_back(
        {.title = table[0][c], .right = c >= 2, .wraps = c == 1, .importance = c < 3 ? kEssential : (change ? 1 : 0)});
  }
  std::vector<std::vector<TableCell>> rows;
  for (std::size_t i = 1; i < table.size(); ++i) {
    std::vector<TableCell>& row = rows.emplace_back();
    for (std::size_t c = 0; c < shown.size(); ++c) {
      row.push_back({table[i][c], tone_of(leaderboard.rows[i - 1], shown[c].title)});
    }
  }
  return render_table(shown, rows, style) + "\n" + caption(leaderboard);
}

std::string render_markdown(const Leaderboard& leaderboard) {
  const auto table = cells(leaderboard, false);
  std::string text;
  for (std::size_t i = 0; i < table.size(); ++i) {
    text += "|";
    for (const std::string& cell : table[i]) text += " " + cell + " |";
    text += "\n";
    if (i > 0) continue;
    text += "|";
    for (std::size_t c = 0; c < table[0].size(); ++c) text += c < 2 ? "---|" : "---:|";
    text += "\n";
  }
  return text + "\n" + caption(leaderboard);
}

std::string render_csv(const Leaderboard& leaderboard) {
  std::string text;
  for (const auto& line : cells(leaderboard, true)) {
    for (std::size_t c = 0; c < line.size(); ++c) {
      const bool quote = line[c].find(',') != std::string::npos;
      text += (c > 0 ? "," : "") + (quote ? '"' + line[c] + '"' : line[c]);
    }
    text += "\n";
  }
  return text;
}

std::string render_json(const Leaderboard& leaderboard) {
  Json json = {{"version", 1},
               {"scenario", leaderboard.scenario},
               {"workload", leaderboard.workload},
               {"cost", leaderboard.cost},
               {"train_seeds", leaderboard.train_seeds},
               {"held_out_seeds", leaderboard.held_out_seeds},
               {"intervals", leaderboard.intervals},
               {"rows", Json::array()}};
  for (std::size_t i = 0; i < leaderboard.rows.size(); ++i) {
    const LeaderboardRow& row = leaderboard.rows[i];
    Json entry = {{"rank", i + 1}, {"policy", row.policy}, {"is_default", row.is_default}};
    if (!row.failure.empty()) {
      entry["failure"] = row.failure;
    } else {
      entry["training_e2e_s"] = to_json(row.training_e2e);
      entry["held_out_e2e_s"] = to_json(row.held_out_e2e);
      entry["change_against_lor"] = to_json(row.change_against_lor);
      entry["change_against_llq"] = to_json(row.change_against_llq);
      entry["not_distinguishable_from_rank"] = row.not_distinguishable_from;
      entry["held_out_e2e_by_seed_s"] = row.held_out;
      for (const SummaryField& field : summary_fields()) {
        if (field.whole) {
          entry["metrics"][field.name] = static_cast<std::int64_t>(field.get(row.metrics));
        } else {
          entry["metrics"][field.name] = field.get(row.metrics);
        }
      }
    }
    json["rows"].push_back(entry);
  }
  return json.dump(2) + "\n";
}

Summary metrics_from(const nlohmann::json& json) {
  Summary s;
  for (const auto& [name, member] : {std::pair{"mean_e2e_s", &Summary::mean_e2e_s},
                                     {"p50_e2e_s", &Summary::p50_e2e_s},
                                     {"p90_e2e_s", &Summary::p90_e2e_s},
                                     {"p99_e2e_s", &Summary::p99_e2e_s},
                                     {"mean_ttft_s", &Summary::mean_ttft_s},
                                     {"p99_ttft_s", &Summary::p99_ttft_s},
                                     {"mean_tpot_s", &Summary::mean_tpot_s},
                                     {"p99_tpot_s", &Summary::p99_tpot_s},
                                     {"longest_queue_wait_s", &Summary::longest_queue_wait_s},
                                     {"makespan_s", &Summary::makespan_s},
                                     {"throughput_rps", &Summary::throughput_rps},
                                     {"kv_use_mean", &Summary::kv_use_mean},
                                     {"kv_use_peak", &Summary::kv_use_peak},
                                     {"imbalance", &Summary::imbalance}}) {
    s.*member = json.at(name);
  }
  for (const auto& [name, member] : {std::pair{"num_requests", &Summary::num_requests},
                                     {"num_batches", &Summary::num_batches},
                                     {"num_restarts", &Summary::num_restarts},
                                     {"num_extrapolated_batches", &Summary::num_extrapolated_batches}}) {
    s.*member = json.at(name);
  }
  return s;
}

}  // namespace

std::vector<std::string> table_format_names() { return {"table", "markdown", "csv", "json"}; }

TableFormat parse_table_format(const std::string& name) {
  const std::vector<std::string> names = table_format_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw unknown_name("--format", "format", name, names);
  return static_cast<TableFormat>(found - names.begin());
}

std::string render(const Leaderboard& leaderboard, TableFormat format, const TableStyle& style) {
  switch (format) {
    case TableFormat::table:
      return render_terminal(leaderboard, style);
    case TableFormat::markdown:
      return render_markdown(leaderboard);
    case TableFormat::csv:
      return render_csv(leaderboard);
    case TableFormat::json:
      return render_json(leaderboard);
  }
  return "";
}

Leaderboard load_leaderboard(const std::filesystem::path& folder) {
  const JsonFile file(folder / "leaderboard.json");
  try {
    const auto& json = file.root();
    Leaderboard leaderboard = {.scenario = json.at("scenario"),
                               .workload = json.at("workload"),
                               .cost = json.at("cost"),
                               .train_seeds = json.at("train_seeds"),
                               .held_out_seeds = json.at("held_out_seeds"),
                               .intervals = json.at("intervals")};
    for (const auto& entry : json.at("rows")) {
      LeaderboardRow row = {.policy = entry.at("policy"), .is_default = entry.at("is_default")};
      if (entry.contains("failure")) {
        row.failure = entry.at("failure");
      } else {
        row.training_e2e = spread_from(entry.at("training_e2e_s"));
        row.held_out_e2e = spread_from(entry.at("held_out_e2e_s"));
        row.change_against_lor = spread_from(entry.at("change_against_lor"));
        row.change_against_llq = spread_from(entry.at("change_against_llq"));
        row.not_distinguishable_from = entry.at("not_distinguishable_from_rank");
        row.held_out = entry.at("held_out_e2e_by_seed_s").get<std::vector<double>>();
        row.metrics = metrics_from(entry.at("metrics"));
      }
      leaderboard.rows.push_back(std::move(row));
    }
    return leaderboard;
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: not a leaderboard of this tool: {}", file.name(), error.what()));
  }
}

void sort_rows(Leaderboard& leaderboard) {
  std::sort(leaderboard.rows.begin(), leaderboard.rows.end(), [](const LeaderboardRow& a, const LeaderboardRow& b) {
    if (a.failure.empty() != b.failure.empty()) return a.failure.empty();
    if (a.failure.empty() && a.held_out_e2e.value != b.held_out_e2e.value) {
      return a.held_out_e2e.value < b.held_out_e2e.value;
    }
    return a.policy < b.policy;
  });
}

Leaderboard merge(const std::vector<Leaderboard>& leaderboards) {
  Leaderboard merged = leaderboards.at(0);
  for (std::size_t i = 1; i < leaderboards.size(); ++i) {
    const Leaderboard& other = leaderboards[i];
    if (other.scenario != merged.scenario || other.workload != merged.workload || other.cost != merged.cost ||
        other.train_seeds != merged.train_seeds || other.held_out_seeds != merged.held_out_seeds) {
      throw InputError(
          fmt::format("leaderboard: '{}' (seeds {}, {}, {}) and '{}' (seeds {}, {}, {}) cannot be ranked together",
                      merged.scenario, merged.held_out_seeds, merged.workload, merged.cost, other.scenario,
                      other.held_out_seeds, other.workload, other.cost));
    }
    for (const LeaderboardRow& row : other.rows) {
      const bool known = std::any_of(merged.rows.begin(), merged.rows.end(),
                                     [&](const LeaderboardRow& mine) { return mine.policy == row.policy; });
      if (!known) merged.rows.push_back(row);
    }
  }
  sort_rows(merged);
  return merged;
}

}  // namespace switchyard
