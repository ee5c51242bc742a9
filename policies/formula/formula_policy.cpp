#include "policies/formula/formula_policy.hpp"

#include <cmath>
#include <limits>

#include "policies/compose/least.hpp"
#include "policies/compose/shared.hpp"
#include "policies/formula/features.hpp"
#include "policies/formula/formula.hpp"

namespace switchyard {

namespace {

// What is not a number comes last.
double or_last(double value) { return std::isnan(value) ? std::numeric_limits<double>::infinity() : value; }

class FormulaOrder final : public Order {
 public:
  explicit FormulaOrder(Formula formula) : formula_(std::move(formula)) {}
  double key(const QueuedRequest& request) override { return or_last(formula_.value({*scene_, request, 0})); }

 private:
  Formula formula_;
};

class FormulaAdmission final : public Admission {
 public:
  explicit FormulaAdmission(Formula formula) : formula_(std::move(formula)) {}
  bool admits(const QueuedRequest& request, std::int32_t replica) override {
    const double value = formula_.value({*scene_, request, replica});
    return value != 0 && !std::isnan(value);
  }

 private:
  Formula formula_;
};

class FormulaScoring final : public Scoring {
 public:
  explicit FormulaScoring(Formula formula) : formula_(std::move(formula)) {}
  unsigned reads() const override { return signal_bits({Signal::outstanding}); }  // decides between equals
  Score score(const QueuedRequest& request, std::int32_t replica) override {
    return {or_last(formula_.value({*scene_, request, replica})),
            static_cast<double>(scene_->cluster().outstanding(replica))};
  }

 private:
  Formula formula_;
};

constexpr const char* kAlways = "1";  // the admission that is none

// The policy of three formulas. Of the shared parameters it has those that matter to them.
PolicyInfo with_texts(PolicyInfo info, std::string_view where) {
  const std::string prefix = where.empty() ? "" : std::string(where) + ": ";
  auto parse = [](const std::vector<TextParam>& texts, std::size_t i, const std::string& before) {
    const auto about = i == 0 ? Formula::About::request : Formula::About::replica;
    return Formula(texts[i].value, about, before + texts[i].name);
  };
  const bool holds = info.texts[1].value != kAlways;
  unsigned uses = holds ? kHolds : 0;
  for (std::size_t i = 0; i < info.texts.size(); ++i) uses |= parse(info.texts, i, prefix).uses();

  ParamValues defaults;
  std::vector<std::size_t> exposed;
  info.params.clear();
  for (const SharedParams::Param& param : SharedParams::list()) {
    if (param.needed_by & uses) {
      exposed.push_back(defaults.size());
      info.params.push_back(param.spec);
    }
    defaults.push_back(param.spec.default_value);
  }
  info.make = [=, texts = info.texts](const ParamValues& values) -> std::unique_ptr<Policy> {
    std::vector<std::unique_ptr<Admission>> admissions;
    if (holds) admissions.push_back(std::make_unique<FormulaAdmission>(parse(texts, 1, "")));
    auto policy =
        std::make_unique<Composed>(std::make_unique<FormulaOrder>(parse(texts, 0, "")), std::move(admissions),
                                   std::make_unique<Least>(std::make_unique<FormulaScoring>(parse(texts, 2, ""))));
    ParamValues all = defaults;
    for (std::size_t i = 0; i < exposed.size(); ++i) all[exposed[i]] = values[i];
    SharedParams::apply(all, uses, *policy);
    policy->reads_requests = true;  // some features do
    policy->scene_reads |= uses >> kReadsShift;
    return policy;
  };
  info.signals = static_cast<const Composed&>(*info.make(default_values(info.params))).reads();
  return info;
}

std::string list_of_features() {
  std::string list;
  for (const Feature& feature : features()) {
    list += std::string(list.empty() ? "" : "; ") + feature.name + ": " + feature.doc;
    if (feature.of_replica) list += " (not in order)";
  }
  return list;
}

}  // namespace

PolicyInfo formula_policy() {
  PolicyInfo info;
  info.name = "formula";
  info.summary =
      "The three decisions as formulas in double quotes, without compiling: the queued request with the least `order` "
      "is "
      "next, a replica may take it where `admit` is not 0, the one with the least `place` does (ties: fewest "
      "outstanding, then lowest id). Operators as in C and ^ for powers; floor, ceil, min, max, abs, sqrt, exp, ln and "
      "others. Features: " +
      list_of_features() + ".";
  info.texts = {{"order", "arrived_s", "which queued request is next: least first, ties in order of arrival"},
                {"admit", kAlways, "whether a replica may take it now; 1: always"},
                {"place", "outstanding", "which of those replicas: least first"}};
  info.with_texts = with_texts;
  return with_texts(std::move(info), "");
}

}  // namespace switchyard
