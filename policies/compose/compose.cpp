#include "policies/compose/compose.hpp"

#include "policies/compose/apart.hpp"
#include "policies/compose/least.hpp"
#include "policies/compose/shared.hpp"

namespace switchyard {

namespace {

// The parts of one kind, and the index of each part's first parameter.
template <class Base>
struct Catalogue {
  std::vector<PartInfo<Base>> parts;
  std::vector<std::size_t> first = {};

  std::unique_ptr<Base> make(std::size_t i, const ParamValues& values) const {
    return parts[i].make(std::span(values).subspan(first[i], parts[i].params.size()));
  }
  std::vector<std::string> names(unsigned uses = ~0U) const {  // of parts that use any of these
    std::vector<std::string> found;
    for (const auto& info : parts) {
      if (uses == ~0U || (info.uses & uses)) found.push_back(info.name);
    }
    return found;
  }
};

// How compose's parameters are laid out: for each decision the choice of a part, then the parameters of all its parts,
// then those that are shared.
class Layout {
 public:
  Layout();
  const std::vector<ParamSpec>& params() const { return params_; }
  std::unique_ptr<Policy> make(const ParamValues& values) const;

 private:
  std::size_t add_slot(std::string name, std::vector<std::string> choices, std::string doc);
  template <class Base>
  void add_params(Catalogue<Base>& catalogue, const std::vector<std::string>& slots);
  void add_shared();
  std::vector<ParamCondition> users_of(unsigned uses) const;

  std::vector<ParamSpec> params_;
  Catalogue<Order> orders_{order_parts()};
  Catalogue<Admission> admissions_{admission_parts()};
  Catalogue<Scoring> scorings_{scoring_parts()};
  Catalogue<Placement> placements_{placement_parts()};
  std::size_t order_ = 0, admit_ = 0, also_ = 0, place_ = 0, by_ = 0, first_shared_ = 0;
};

Layout::Layout() {
  order_ = add_slot("order", orders_.names(), "which queued request is next");
  add_params(orders_, {"order"});
  admit_ = add_slot("admit", admissions_.names(), "whether a replica may take a request now, or it waits");
  also_ = add_slot("also", admissions_.names(), "a second condition of admission");
  add_params(admissions_, {"admit", "also"});
  std::vector<std::string> places = scorings_.names();
  for (const std::string& name : placements_.names()) places.push_back(name);
  place_ = add_slot("place", places, "which of the replicas that may take it");
  by_ = add_slot("by", scorings_.names(), "the score that the placement goes by");
  params_.back().active_if = {{"place", placements_.names(kUsesScoring)}};
  add_params(placements_, {"place"});
  add_params(scorings_, {"place", "by"});
  add_shared();
}

std::size_t Layout::add_slot(std::string name, std::vector<std::string> choices, std::string doc) {
  params_.push_back({.name = std::move(name),
                     .type = ParamType::choice,
                     .high = static_cast<double>(choices.size()) - 1,  // NOLINT(bugprone-use-after-move): made before
                     .choices = std::move(choices),
                     .doc = std::move(doc)});
  return params_.size() - 1;
}

template <class Base>
void Layout::add_params(Catalogue<Base>& catalogue, const std::vector<std::string>& slots) {
  for (const PartInfo<Base>& info : catalogue.parts) {
    catalogue.first.push_back(params_.size());
    for (ParamSpec param : info.params) {
      if (param.active_if.empty()) {
        for (const std::string& slot : slots) param.active_if.push_back({slot, {info.name}});
      }
      params_.push_back(std::move(param));
    }
  }
}

// Every slot that can choose a part which uses any of these.
std::vector<ParamCondition> Layout::users_of(unsigned uses) const {
  std::vector<ParamCondition> conditions;
  auto add = [&](const char* slot, std::vector<std::string> names) {
    if (!names.empty()) conditions.push_back({slot, std::move(names)});
  };
  add("order", orders_.names(uses));
  add("admit", admissions_.names(uses));
  add("also", admissions_.names(uses));
  add("place", scorings_.names(uses));
  add("by", scorings_.names(uses));
  return conditions;
}

void Layout::add_shared() {
  std::vector<std::string> holding = admissions_.names();
  holding.erase(holding.begin());  // all but `always`
  first_shared_ = params_.size();
  for (const SharedParams::Param& param : SharedParams::list()) {
    params_.push_back(param.spec);
    if (!param.spec.active_if.empty()) continue;
    if (param.needed_by & kHolds) {
      params_.back().active_if = {{"admit", holding}, {"also", holding}};
    } else {
      params_.back().active_if = users_of(param.needed_by);
    }
  }
}

std::unique_ptr<Policy> Layout::make(const ParamValues& values) const {
  auto index = [&](std::size_t slot) { return static_cast<std::size_t>(values[slot]); };
  unsigned uses = 0;

  std::unique_ptr<Order> order;
  if (index(order_) > 0) order = orders_.make(index(order_), values);
  uses |= orders_.parts[index(order_)].uses;

  std::vector<std::unique_ptr<Admission>> admissions;
  for (const std::size_t slot : {admit_, also_}) {
    const std::size_t chosen = index(slot);
    if (chosen == 0 || (slot == also_ && chosen == index(admit_))) continue;
    admissions.push_back(admissions_.make(chosen, values));
    uses |= admissions_.parts[chosen].uses;
  }

  std::unique_ptr<Placement> placement;
  auto scoring = [&](std::size_t i) {
    uses |= scorings_.parts[i].uses;
    return scorings_.make(i, values);
  };
  if (const std::size_t chosen = index(place_); chosen < scorings_.parts.size()) {
    placement = std::make_unique<Least>(scoring(chosen));
  } else {
    const std::size_t rule = chosen - scorings_.parts.size();
    placement = placements_.make(rule, values);
    if (placements_.parts[rule].uses & kUsesScoring) placement->set_scoring(scoring(index(by_)));
  }

  auto policy = std::make_unique<Composed>(std::move(order), std::move(admissions), std::move(placement));
  SharedParams::apply(std::span(values).subspan(first_shared_), uses, *policy);
  return policy;
}

const Layout& layout() {
  static const Layout layout;
  return layout;
}

}  // namespace

PolicyInfo compose_policy() {
  PolicyInfo info;
  info.name = "compose";
  info.summary =
      "A policy of three decisions: which queued request is next, which replicas may take it now, and which of them "
      "does. Most of the named policies are settings of it.";
  info.params = layout().params();
  info.make = [](const ParamValues& values) { return layout().make(values); };
  return info;
}

std::vector<Signal> signals_of_composition(const ParamValues& values) {
  return static_cast<const Composed&>(*layout().make(values)).reads();
}

// Its second slot is `handoff`, with `handoff_by` and the parts' parameters anew; the first three place prompts.
PolicyInfo compose_split_policy() {
  const PolicyInfo compose = compose_policy();
  const auto handoff = [](const std::string& name) -> std::string {
    if (name == "place") return "handoff";
    if (name == "order" || name == "admit" || name == "also") return "";
    return "handoff_" + name;
  };
  return apart(
      "compose_split",
      "compose where prefill and decode are apart: order, admit and place send prompts to replicas that prefill, "
      "handoff, with the same parts, chooses the replica that decodes.",
      "", compose, with_prefix(""), compose, handoff, {});
}

}  // namespace switchyard
