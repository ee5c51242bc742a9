// What a search minimises, and what it must keep to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/metrics/summary.hpp"

namespace switchyard {

struct Objective {
  const SummaryField* field = nullptr;
  RequestLimits limits;  // of goodput

  std::string text() const;  // canonical: "mean_e2e_s", "goodput(ttft_s<=2,tpot_s<=0.1)"
  bool higher_is_better() const { return field->better == Better::higher; }

  bool is_mean_e2e() const { return field->name == "mean_e2e_s"; }  // the default, that we have a bound for

  // The figure. Throws InputError if it does not exist for this workload: nothing can be ranked by it.
  double of(const Summary& summary) const;
  std::vector<double> by_seed(const std::vector<Summary>& summaries) const;

  // Lower is better whatever the objective: the value, or its negative.
  double cost(double value) const { return higher_is_better() ? -value : value; }
};

// A figure by name, or goodput with limits on ttft_s, tpot_s and e2e_s. Throws InputError that starts with `where`,
// also for figures of which neither more nor less is better.
Objective parse_objective(std::string_view text, std::string_view where);

// A limit on the mean over seeds of a figure.
struct Constraint {
  const SummaryField* field = nullptr;
  bool at_most = true;
  double limit = 0;

  std::string text() const;                 // "p99_e2e_s<=20"
  double of(const Summary& summary) const;  // as of an objective
  // How far outside the limit, as a share of it (of 1 if the limit is smaller than that); 0 if within.
  double excess(double value) const;
};

// "e2e_p99_s<=20" or several, comma between. Throws InputError that starts with `where`.
std::vector<Constraint> parse_constraints(std::string_view text, std::string_view where);
std::string format_constraints(const std::vector<Constraint>& constraints);

// All that decides which of two settings is better.
struct Goal {
  Objective objective;
  std::vector<Constraint> constraints;
};

// Throws InputError that starts with `where` if a constraint asks for the share of requests within limits that the
// objective does not state.
void check_goodput_limits(const Goal& goal, std::string_view where);

// The constraints that these means over seeds break, with what was found; "" if none.
std::string broken_constraints(const Goal& goal, const Summary& mean);

}  // namespace switchyard
