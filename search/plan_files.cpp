#include "search/plan_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/input/json_text.hpp"
#include "core/input/write_file.hpp"
#include "results/schema_parts.hpp"
#include "results/text_table.hpp"
#include "search/goal_files.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kPlanVersion = 1;
constexpr double kHoursPerDay = 24;

bool is_priced(const Plan& plan) { return price_of_hour(plan.kinds, Counts(plan.kinds.size(), 0)).has_value(); }

// What the measured time costs.
std::optional<double> price_of(const Plan& plan, const PlanPoint& point) {
  const auto hour = price_of_hour(plan.kinds, point.counts);
  const auto gpus = static_cast<double>(gpus_of(plan.kinds, point.counts));
  if (!hour || gpus == 0) return std::nullopt;
  return *hour * point.gpu_hours / gpus;
}

std::string interval_methods(const Plan& plan) {
  const double alpha = plan_alpha(plan);
  std::string text = fmt::format(
      "by Student's t over seeds, {:.4g}% each, so that the answer holds with 95%: sizes of one kind are a fixed "
      "sequence of tests, limits and numbers of other kinds are corrected for (Bonferroni)",
      100 * (1 - alpha));
  const std::string warning = few_seeds_warning(plan.num_seeds);
  return text + (warning.empty() ? "" : ". " + warning);
}

// "6", or by kind "2 h100 + 3 l40s".
std::string counts_text(const Plan& plan, const Counts& counts) {
  if (plan.kinds.size() == 1) return fmt::format("{}", counts[0]);
  std::string text;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    text += fmt::format("{}{} {}", k == 0 ? "" : " + ", counts[k], plan.kinds[k].name);
  }
  return text;
}

std::string replicas_text(const Plan& plan, const Counts& counts) {
  const bool one = counts.size() == 1 && counts[0] == 1;
  return counts_text(plan, counts) + (plan.kinds.size() > 1 ? "" : one ? " replica" : " replicas");
}

std::string cost_text(const Plan& plan, const PlanPoint& point) {
  std::string text =
      fmt::format("{} GPUs, {:.2f} GPU hours for this workload, {:g} a day", gpus_of(plan.kinds, point.counts),
                  point.gpu_hours, kHoursPerDay * static_cast<double>(gpus_of(plan.kinds, point.counts)));
  if (const auto price = price_of(plan, point)) {
    const double hour = *price_of_hour(plan.kinds, point.counts);
    text += fmt::format("; at the prices given {:.2f} for it, {:.2f} a day", *price, kHoursPerDay * hour);
  }
  return text;
}

std::string range_text(const Plan& plan) {
  std::vector<std::string> ranges;
  for (const PlannedKind& kind : plan.kinds) {
    ranges.push_back(fmt::format("{}-{}{}", kind.least, kind.most, plan.kinds.size() > 1 ? " " + kind.name : ""));
  }
  return fmt::format("{}", fmt::join(ranges, ", "));
}

std::string split_answer(const Plan& plan, const PlanRow& row) {
  if (!row.best) return "no split of that sum is within the ranges";
  const PlanPoint& best = *row.point(*row.best);
  if (!best.failure.empty()) return "fails on all splits: " + best.failure;
  std::string text = fmt::format("best split {}", counts_text(plan, *row.best));
  if (!best.within) text += ", which breaks the limits by its means, as all do";
  std::vector<std::string> others;
  for (const Counts& counts : row.not_told_from_best) others.push_back(counts_text(plan, counts));
  if (!others.empty()) text += fmt::format(" (not told from it: {})", fmt::join(others, ", "));
  return text + ": " + cost_text(plan, best);
}

std::string least_answer(const Plan& plan, const PlanRow& row) {
  const bool few = plan.num_seeds < 2;
  const std::optional<Counts>& answer = few ? row.by_means : row.shown;
  if (!answer) {
    std::string text =
        fmt::format("none within {} {} to keep the limits", range_text(plan), few ? "seems" : "is shown");
    if (!few && row.by_means) text += fmt::format("; by the means {} would do", counts_text(plan, *row.by_means));
    return text;
  }
  std::string text = few ? fmt::format("{} by the mean of one seed: no verdict", replicas_text(plan, *answer))
                         : fmt::format("{} shown to keep the limits", replicas_text(plan, *answer));
  if (!few && row.by_means && *row.by_means != *answer) {
    text += fmt::format("; by the means {} would do", counts_text(plan, *row.by_means));
  }
  if (!few && row.possible) {
    text += *row.possible == *answer
                ? "; whatever is cheaper is shown to break them"
                : fmt::format("; what is cheaper than {} is shown to break them", counts_text(plan, *row.possible));
    if (*row.possible == all_counts(plan.kinds).front()) {
      text = text.substr(0, text.rfind(';')) + "; the least of the range is not shown to break them";
    }
  }
  return text + ": " + cost_text(plan, *row.point(*answer));
}

std::string answer_text(const Plan& plan, const PlanRow& row) {
  return plan.total ? split_answer(plan, row) : least_answer(plan, row);
}

bool is_answer(const Plan& plan, const PlanRow& row, const PlanPoint& point) {
  const std::optional<Counts>& answer = plan.total ? row.best : plan.num_seeds < 2 ? row.by_means : row.shown;
  return answer && *answer == point.counts;
}

// "kept, least"; where there are no limits, of the answer alone "best".
std::string verdict_text(const Plan& plan, const PlanRow& row, const PlanPoint& point) {
  std::vector<std::string> parts;
  if (!point.failure.empty()) {
    parts.emplace_back("failed");
  } else if (!plan.goal.constraints.empty()) {
    parts.push_back(keeps_text(point.keeps));
  }
  if (is_answer(plan, row, point)) parts.emplace_back(plan.total ? "best" : "least");
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::vector<TableColumn> columns_of(const Plan& plan) {
  std::vector<TableColumn> columns = {{.title = "policy", .right = false, .wraps = true, .importance = kEssential}};
  for (const PlannedKind& kind : plan.kinds) columns.push_back({.title = kind.name, .importance = kEssential});
  columns.push_back({.title = plan.goal.constraints.empty() ? "" : "limits", .right = false, .importance = kEssential});
  for (const Constraint& constraint : plan.goal.constraints) {
    columns.push_back({.title = constraint.text(), .importance = 10});
  }
  columns.push_back({.title = plan.goal.objective.text(), .importance = 1});
  columns.push_back({.title = "GPUs", .importance = 2});
  columns.push_back({.title = "GPU hours", .importance = kEssential});
  if (is_priced(plan)) columns.push_back({.title = "price", .importance = kEssential});
  return columns;
}

std::vector<std::vector<TableCell>> cells_of(const Plan& plan) {
  std::vector<std::vector<TableCell>> cells;
  for (const PlanRow& row : plan.rows) {
    for (const PlanPoint& point : row.points) {
      std::vector<TableCell>& line = cells.emplace_back();
      line.push_back({row.clairvoyant ? row.policy + " (clairvoyant)" : row.policy});
      for (const std::int32_t count : point.counts) line.push_back({fmt::format("{}", count)});
      const Tone tone = point.keeps == Keeps::yes ? Tone::good : point.keeps == Keeps::no ? Tone::bad : Tone::plain;
      line.push_back({verdict_text(plan, row, point), tone});
      if (point.failure.empty()) {
        for (const Interval& limit : point.limits) line.push_back({interval_text(limit)});
        line.push_back({interval_text(point.value)});
        line.push_back({fmt::format("{}", gpus_of(plan.kinds, point.counts))});
        line.push_back({fmt::format("{:.2f}", point.gpu_hours)});
        if (const auto price = price_of(plan, point)) line.push_back({fmt::format("{:.2f}", *price)});
      }
      line.resize(columns_of(plan).size());
    }
  }
  return cells;
}

// Where a limited figure is the same on all seeds and these are too few for the sign test: what to do about it.
std::string same_figures_warning(const Plan& plan) {
  const auto has_none = [&](const PlanRow& row) {
    return std::any_of(row.points.begin(), row.points.end(), [](const PlanPoint& point) {
      return std::any_of(point.limits.begin(), point.limits.end(), [](const Interval& i) { return !i.has_interval(); });
    });
  };
  if (plan.num_seeds < 2 || std::none_of(plan.rows.begin(), plan.rows.end(), has_none)) return "";
  std::size_t wanted = plan.num_seeds;
  while (sign_test(wanted) > plan_alpha(plan)) ++wanted;
  return fmt::format("A figure that is one same number on all seeds ([-]) has a verdict from {} seeds on.\n", wanted);
}

std::string caption(const Plan& plan) {
  const Objective& objective = plan.goal.objective;
  std::string text;
  for (const PlanRow& row : plan.rows) text += fmt::format("{}: {}.\n", row.policy, answer_text(plan, row));
  text += fmt::format(
      "{}: {} on held-out seeds {}. Workload: {}. Batch times: {}.\n", plan.scenario,
      plan.total ? fmt::format("splits of {} replicas", *plan.total) : fmt::format("replicas {}", range_text(plan)),
      plan.seeds, plan.workload, plan.cost);
  if (plan.total) {
    text += fmt::format("Best: the best {} (mean){}; along the splits {}.\n", figure_text(objective),
                        plan.goal.constraints.empty() ? "" : " of those whose means keep the limits",
                        plan.exhaustive ? "all were measured" : "it is taken to have one best point");
  } else {
    text += fmt::format("More replicas are taken to be no worse{}.\n",
                        plan.exhaustive ? ", though all numbers were measured" : ", so that few numbers are measured");
  }
  text += fmt::format("Limits on means over seeds: {}. Intervals {}.\n",
                      plan.goal.constraints.empty() ? "none" : format_constraints(plan.goal.constraints),
                      interval_methods(plan));
  text += same_figures_warning(plan);
  for (const PlanRow& row : plan.rows) {
    if (!row.not_monotone.empty()) {
      text += fmt::format("Not monotone: {}: {}. Run it again with --exhaustive.\n", row.policy, row.not_monotone);
    }
    for (const PlanPoint& point : row.points) {
      if (point.failure.empty()) continue;
      text += fmt::format("Failed: {} with {}: {}\n", row.policy, replicas_text(plan, point.counts), point.failure);
    }
  }
  return text;
}

// One line a policy and measured numbers of replicas.
std::string render_csv(const Plan& plan) {
  std::vector<std::string> header = {"policy", "clairvoyant", "failure"};
  for (const PlannedKind& kind : plan.kinds) header.push_back(kind.name);
  header.insert(header.end(), {"limits", "answer"});
  for (const Constraint& constraint : plan.goal.constraints) {
    header.insert(header.end(), {constraint.text(), "low", "high"});
  }
  header.insert(header.end(), {plan.goal.objective.text(), "low", "high", "gpus", "gpu_hours", "price"});
  std::vector<std::vector<std::string>> lines;
  for (const PlanRow& row : plan.rows) {
    for (const PlanPoint& point : row.points) {
      std::vector<std::string>& line = lines.emplace_back();
      line = {row.policy, row.clairvoyant ? "true" : "false", point.failure};
      for (const std::int32_t count : point.counts) line.push_back(fmt::format("{}", count));
      line.push_back(keeps_text(point.keeps));
      line.emplace_back(is_answer(plan, row, point) ? "true" : "false");
      if (point.failure.empty()) {
        std::vector<Interval> figures = point.limits;
        figures.push_back(point.value);
        for (const Interval& figure : figures) {
          for (const double part : {figure.value, figure.low, figure.high}) line.push_back(number_or_nothing(part));
        }
        line.push_back(fmt::format("{}", gpus_of(plan.kinds, point.counts)));
        line.push_back(number_or_nothing(point.gpu_hours));
        const auto price = price_of(plan, point);
        line.push_back(price ? number_or_nothing(*price) : "");
      }
      line.resize(header.size());
    }
  }
  return csv_table(header, lines);
}

Json optional_json(const std::optional<double>& number) { return number ? Json(*number) : Json(nullptr); }
Json optional_json(const std::optional<Counts>& counts) { return counts ? Json(*counts) : Json(nullptr); }

Json point_json(const Plan& plan, const PlanPoint& point) {
  Json json = {{"counts", point.counts}, {"failure", point.failure}, {"limits", keeps_text(point.keeps)}};
  if (!point.failure.empty()) return json;
  json["figures"] = Json::array();
  for (std::size_t c = 0; c < point.limits.size(); ++c) {
    json["figures"].push_back({{"constraint", plan.goal.constraints[c].text()},
                               {"value", schema::spread_json(point.limits[c])},
                               {"by_seed", point.limits_by_seed[c]}});
  }
  json["value"] = schema::spread_json(point.value);
  json["by_seed"] = point.by_seed;
  json["gpus"] = gpus_of(plan.kinds, point.counts);
  json["gpu_hours"] = point.gpu_hours;
  json["price"] = optional_json(price_of(plan, point));
  return json;
}

std::string render_json(const Plan& plan) {
  Json json = {
      {"version", kPlanVersion}, {"scenario", plan.scenario}, {"workload", plan.workload}, {"cost", plan.cost}};
  json.update(goal_json(plan.goal));
  json["seeds"] = plan.seeds;
  json["intervals"] = interval_methods(plan);
  json["kinds"] = Json::array();
  for (const PlannedKind& kind : plan.kinds) {
    json["kinds"].push_back({{"name", kind.name},
                             {"least", kind.least},
                             {"most", kind.most},
                             {"gpus", kind.gpus},
                             {"gpu_price", optional_json(kind.gpu_price)}});
  }
  json["total"] = plan.total ? Json(*plan.total) : Json(nullptr);
  json["exhaustive"] = plan.exhaustive;
  json["rows"] = Json::array();
  for (const PlanRow& row : plan.rows) {
    Json entry = {{"policy", row.policy},
                  {"clairvoyant", row.clairvoyant},
                  {"answer", answer_text(plan, row)},
                  {"shown", optional_json(row.shown)},
                  {"by_means", optional_json(row.by_means)},
                  {"possible", optional_json(row.possible)},
                  {"best", optional_json(row.best)},
                  {"not_told_from_best", row.not_told_from_best},
                  {"not_monotone", row.not_monotone},
                  {"points", Json::array()}};
    for (const PlanPoint& point : row.points) entry["points"].push_back(point_json(plan, point));
    json["rows"].push_back(std::move(entry));
  }
  return json_text(json, 2) + "\n";
}

}  // namespace

std::string render(const Plan& plan, TableFormat format, const TableStyle& style) {
  return render_as(
      format, style, columns_of(plan), cells_of(plan), caption(plan), [&] { return render_csv(plan); },
      [&] { return render_json(plan); });
}

std::string plan_schema() {
  using namespace schema;
  const auto or_null = [](Json json) {
    json["type"] = {json["type"], "null"};
    return json;
  };
  const Json numbers = {{"type", "number"}};
  const auto counts = [&](const char* description) {
    return list_of(description, {{"type", "integer"}, {"minimum", 0}});
  };
  const Json kind = closed_object({{"name", text("of the kind of replica")},
                                   {"least", count("the fewest that are looked at")},
                                   {"most", count("the most")},
                                   {"gpus", count("of one replica")},
                                   {"gpu_price", or_null(number("of an hour of a GPU; null: not given"))}});
  const Json figure = closed_object({{"constraint", text("the limit")},
                                     {"value", spread("the figure that it limits, mean over seeds")},
                                     {"by_seed", list_of("the same by seed", numbers)}});
  const Json point = closed_object(
      {{"counts", counts("replicas, by kind")},
       {"failure", text("why the policy failed, or empty; then no figure is there")},
       {"limits", {{"description", "whether they are kept"}, {"enum", {"kept", "broken", "open", "-"}}}},
       {"figures", list_of("by constraint", figure)},
       {"value", spread("objective, mean over seeds")},
       {"by_seed", list_of("objective by seed", numbers)},
       {"gpus", count("GPUs of all replicas")},
       {"gpu_hours", number("of these GPUs from the first arrival to the last completion, mean over seeds")},
       {"price", or_null(number("of these hours; null: prices are not given"))}},
      {"figures", "value", "by_seed", "gpus", "gpu_hours", "price"});
  const Json row = closed_object(
      {{"policy", text("canonical spec")},
       {"clairvoyant", flag("knows output lengths: never deployable")},
       {"answer", text("in words")},
       {"shown", or_null(counts("the cheapest that are shown to keep the limits; null: none, or one seed"))},
       {"by_means", or_null(counts("the cheapest whose means keep the limits; null: none"))},
       {"possible", or_null(counts("the cheapest that are not shown to break a limit; null: none, or one seed"))},
       {"best", or_null(counts("the best split of the total; null: none was asked for"))},
       {"not_told_from_best",
        list_of("splits that the paired test does not tell from the best", counts("replicas, by kind"))},
       {"not_monotone", text("where more replicas are the worse ones, or empty")},
       {"points", list_of("what was measured, in the order of the counts", point)}});
  Json properties = {{"version", version(kPlanVersion)},
                     {"scenario", text("name of the scenario")},
                     {"workload", text("where the workload comes from")},
                     {"cost", text("where batch times come from")}};
  properties.update(goal_properties());
  properties.update({{"seeds", text("held-out seeds that all policies ran on")},
                     {"intervals", text("how they are made")},
                     {"kinds", list_of("whose numbers are planned", kind)},
                     {"total", or_null(count("replicas that are to be split; null: the cheapest numbers are wanted"))},
                     {"exhaustive", flag("whether all numbers were measured")},
                     {"rows", list_of("in the order of the policies", row)}});
  return published("switchyard plan: plan.json", "How many replicas keep to limits, and what they cost.",
                   closed_object(properties));
}

void write_plan(const std::filesystem::path& folder, const Plan& plan) {
  write_file(folder / "plan.json", render(plan, TableFormat::json));
  write_file(folder / "plan.csv", render(plan, TableFormat::csv));
  write_file(folder / "plan.md", render(plan, TableFormat::markdown));
}

}  // namespace switchyard
