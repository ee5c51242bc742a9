#include "search/objective.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

struct Comparison {
  std::string name;
  bool at_most = true;
  double limit = 0;
};

// "a<=1,b>=2".
std::vector<Comparison> parse_comparisons(std::string_view text, std::string_view where) {
  std::vector<Comparison> all;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view part = trim(text.substr(begin, end - begin));
    begin = end + 1;
    const std::size_t at = std::min(part.find("<="), part.find(">="));
    const std::string_view number = at == std::string_view::npos ? "" : trim(part.substr(at + 2));
    Comparison comparison;
    const auto [stop, fault] = std::from_chars(number.data(), number.data() + number.size(), comparison.limit);
    if (at == std::string_view::npos || fault != std::errc() || stop != number.data() + number.size() ||
        !std::isfinite(comparison.limit)) {
      throw InputError(
          fmt::format("{}: {} is not allowed; limits are written name<=number or name>=number, comma "
                      "between",
                      where, in_quotes(part)));
    }
    comparison.name = trim(part.substr(0, at));
    comparison.at_most = part[at] == '<';
    if (comparison.limit == 0) comparison.limit = 0;  // -0 is 0
    all.push_back(comparison);
  }
  return all;
}

constexpr std::string_view kGoodput = "goodput(";
constexpr std::string_view kGoodputShare = "goodput_share";

double existing(const SummaryField& field, const Summary& summary, std::string_view flag) {
  const double value = field.get(summary);
  if (std::isnan(value)) {
    throw InputError(
        fmt::format("--{}: {} does not exist on this workload: it needs {}", flag, field.name, field.needs));
  }
  return value;
}

}  // namespace

std::string Objective::text() const {
  std::vector<std::string> parts;
  for (const auto& [name, limit] :
       {std::pair{"ttft_s", limits.ttft_s}, {"tpot_s", limits.tpot_s}, {"e2e_s", limits.e2e_s}}) {
    if (std::isfinite(limit)) parts.push_back(fmt::format("{}<={}", name, limit));
  }
  return parts.empty() ? field->name : fmt::format("goodput({})", fmt::join(parts, ","));
}

double Objective::of(const Summary& summary) const { return existing(*field, summary, "objective"); }

std::vector<double> Objective::by_seed(const std::vector<Summary>& summaries) const {
  std::vector<double> values;
  for (const Summary& summary : summaries) values.push_back(of(summary));
  return values;
}

Objective parse_objective(std::string_view text, std::string_view where) {
  Objective objective;
  text = trim(text);
  if (text.starts_with(kGoodput) && text.ends_with(")")) {
    objective.field = &find_summary_field("goodput_rps", where);
    for (const Comparison& limit :
         parse_comparisons(text.substr(kGoodput.size(), text.size() - kGoodput.size() - 1), where)) {
      const std::vector<std::string> names = {"ttft_s", "tpot_s", "e2e_s"};
      const auto found = std::find(names.begin(), names.end(), limit.name);
      if (found == names.end()) throw unknown_name(where, "limit of goodput", limit.name, names);
      if (!limit.at_most || limit.limit <= 0) {
        throw InputError(
            fmt::format("{}: a limit of goodput is at most (<=) a number above 0, not {}", where, in_quotes(text)));
      }
      double RequestLimits::*const members[] = {&RequestLimits::ttft_s, &RequestLimits::tpot_s, &RequestLimits::e2e_s};
      objective.limits.*members[found - names.begin()] = limit.limit;
    }
    return objective;
  }
  if (text == "goodput" || text == "goodput_rps") {
    throw InputError(fmt::format("{}: goodput needs limits, as goodput(ttft_s<=2,tpot_s<=0.1)", where));
  }
  objective.field = &find_summary_field(text, where);
  if (objective.field->name == kGoodputShare) {
    throw InputError(fmt::format("{}: {} is for constraints; rank by goodput(ttft_s<=2,...)", where, in_quotes(text)));
  }
  if (objective.field->better == Better::neither || objective.field->whole()) {
    std::vector<std::string> names;
    for (const SummaryField& field : summary_fields()) {
      if (field.better != Better::neither && !field.whole() && field.name != kGoodputShare) names.push_back(field.name);
    }
    throw InputError(fmt::format("{}: {} is not an objective (known: {}, goodput(ttft_s<=2,...))", where,
                                 in_quotes(text), fmt::join(names, ", ")));
  }
  return objective;
}

std::string Constraint::text() const { return fmt::format("{}{}{}", field->name, at_most ? "<=" : ">=", limit); }

double Constraint::of(const Summary& summary) const { return existing(*field, summary, "constraint"); }

double Constraint::excess(double value) const {
  return std::max(0.0, (at_most ? value - limit : limit - value) / std::max(1.0, std::abs(limit)));
}

std::vector<Constraint> parse_constraints(std::string_view text, std::string_view where) {
  std::vector<Constraint> constraints;
  for (const Comparison& comparison : parse_comparisons(text, where)) {
    constraints.push_back({&find_summary_field(comparison.name, where), comparison.at_most, comparison.limit});
  }
  return constraints;
}

std::string format_constraints(const std::vector<Constraint>& constraints) {
  std::vector<std::string> texts;
  for (const Constraint& constraint : constraints) texts.push_back(constraint.text());
  return fmt::format("{}", fmt::join(texts, ","));
}

void check_goodput_limits(const Goal& goal, std::string_view where) {
  for (const Constraint& constraint : goal.constraints) {
    if (constraint.field->name != kGoodputShare || goal.objective.text().starts_with(kGoodput)) continue;
    throw InputError(
        fmt::format("{}: {} needs the limits of --objective, as goodput(ttft_s<=2,tpot_s<=0.1)", where, kGoodputShare));
  }
}

std::string broken_constraints(const Goal& goal, const Summary& metrics) {
  std::string text;
  for (const Constraint& constraint : goal.constraints) {
    const double value = constraint.of(metrics);
    if (constraint.excess(value) == 0) continue;
    text += fmt::format("{}{} is {:.6g}", text.empty() ? "" : ", ", constraint.text(), value);
  }
  return text;
}

}  // namespace switchyard
