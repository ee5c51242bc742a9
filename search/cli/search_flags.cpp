#include "search/cli/search_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "core/input/error.hpp"
#include "search/profile_study.hpp"

namespace switchyard {

Options& declare_threads(Options& options) {
  return options.value("threads", "worker threads (default: all cores); no result depends on it")
      .toggle("quiet", "no progress on stderr");
}

std::set<std::string> seeds_of_training(std::set<std::string> others) {
  others.insert({"train-seeds", "validation-seeds", "train-overload"});
  return others;
}

int threads_from(const Options& options) {
  const auto cores = static_cast<std::int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  return static_cast<int>(options.whole("threads", cores, 1, 1024));
}

Options& declare_profile_uncertainty(Options& options) {
  return options.value("profile-uncertainty",
                       "runs what is ranked anew on the held-out seeds under so many draws from the error of the "
                       "profiles, and says which verdicts survive");
}

std::int64_t profile_draws_from(const Options& options, const std::vector<Scenario>& scenarios) {
  if (!options.has("profile-uncertainty")) return 0;
  check_profiles_drawn(scenarios);
  return options.whole("profile-uncertainty", 0, 1, 1000);
}

Options& declare_goal(Options& options) {
  std::vector<std::string> objectives;
  for (const SummaryField& field : summary_fields()) {
    if (field.better != Better::neither && !field.whole() && field.name != "goodput_rps" &&
        field.name != "goodput_share") {
      objectives.push_back(field.name);
    }
  }
  objectives.push_back("goodput(ttft_s<=2,tpot_s<=0.1)");
  return options
      .value("objective",
             "what ranks: mean_e2e_s (default), another figure as p99_ttft_s, or 'goodput(ttft_s<=2,tpot_s<=0.1)'",
             objectives)
      .value("constraint",
             "limits on figures' means over seeds, as 'p99_e2e_s<=20,longest_wait_s<=60'; what breaks them loses");
}

Goal goal_from(const Options& options) {
  Goal goal{parse_objective(options.text("objective", "mean_e2e_s"), "--objective"), {}};
  if (options.has("constraint")) goal.constraints = parse_constraints(options.text("constraint"), "--constraint");
  check_goodput_limits(goal, "--constraint");
  return goal;
}

std::optional<double> positive_from(const Options& options, const std::string& flag, double high) {
  if (!options.has(flag)) return std::nullopt;
  const std::string given = options.text(flag);
  double number = 0;
  const auto [at, fault] = std::from_chars(given.data(), given.data() + given.size(), number);
  if (fault != std::errc() || at != given.data() + given.size() || !(number > 0) || number > high) {
    throw InputError(
        fmt::format("--{}: {} is not allowed; a number above 0, at most {} is wanted", flag, in_quotes(given), high));
  }
  return number;
}

std::vector<std::string> list_from(const std::string& flag, const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    if (parts.back().empty()) {
      throw InputError(
          fmt::format("--{}: {} is not allowed; parts are not empty, comma between", flag, in_quotes(text)));
    }
    begin = end + 1;
  }
  return parts;
}

}  // namespace switchyard
