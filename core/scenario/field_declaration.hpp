// How the fields of a scenario are declared: a section at a time, each field by one call.
#pragma once

#include <algorithm>
#include <iterator>
#include <type_traits>

#include "core/scenario/fields.hpp"
#include "core/scenario/groups.hpp"

namespace switchyard {

inline constexpr double kMostTokens = 1e6;

// The fields of a section, declared one after another. `Access` is a callable that gives a reference to the member, of
// a scenario that is const or not.
class Fields {
 public:
  explicit Fields(std::string section) : section_(std::move(section)) {}

  template <class Access>
  Fields& text(std::string key, std::string flag, Access access, std::string doc) {
    return add(FieldKind::text, std::move(key), std::move(flag), std::move(doc), access,
               [access](Scenario& s, const nlohmann::json& v) { access(s) = v.get<std::string>(); });
  }

  template <class Access>
  Fields& integer(std::string key, std::string flag, Access access, double low, double high, std::string doc) {
    add(FieldKind::integer, std::move(key), std::move(flag), std::move(doc), access,
        [access](Scenario& s, const nlohmann::json& v) { v.get_to(access(s)); });
    return within(low, high);
  }

  template <class Access>
  Fields& real(std::string key, std::string flag, Access access, double low, double high, std::string doc) {
    add(FieldKind::real, std::move(key), std::move(flag), std::move(doc), access,
        [access](Scenario& s, const nlohmann::json& v) { v.get_to(access(s)); });
    return within(low, high);
  }

  // The member is an enumeration whose enumerators 0, 1, ... stand for the choices in order.
  template <class Access>
  Fields& choice(std::string key, std::string flag, Access access, std::vector<std::string> choices, std::string doc) {
    add(FieldKind::choice, std::move(key), std::move(flag), std::move(doc), access,
        [access, choices](Scenario& s, const nlohmann::json& v) {
          const auto at = std::find(choices.begin(), choices.end(), v.get<std::string>()) - choices.begin();
          auto& target = access(s);
          target = static_cast<std::remove_reference_t<decltype(target)>>(at);
        });
    fields_.back().get = [access, choices](const Scenario& s) -> nlohmann::json {
      return choices[static_cast<std::size_t>(access(s))];
    };
    fields_.back().choices = std::move(choices);
    return *this;
  }

  // A member that is a bool: true or false in a file, on or off as a flag.
  template <class Access>
  Fields& on_off(std::string key, std::string flag, Access access, std::string doc) {
    add(FieldKind::on_off, std::move(key), std::move(flag), std::move(doc), access,
        [access](Scenario& s, const nlohmann::json& v) { access(s) = v.get<bool>(); });
    fields_.back().choices = {"on", "off"};
    return *this;
  }

  template <class Access>
  Fields& seeds(std::string key, std::string flag, Access access, std::string doc) {
    add(
        FieldKind::seeds, std::move(key), std::move(flag), std::move(doc),
        [access](const Scenario& s) { return format_seed_range(access(s)); },
        [access](Scenario& s, const nlohmann::json& v) { access(s) = parse_seed_range(v.get<std::string>(), ""); });
    return *this;
  }

  template <class Access>
  Fields& groups(std::string key, std::string flag, Access access, std::string doc) {
    return add(
        FieldKind::groups, std::move(key), std::move(flag), std::move(doc),
        [access](const Scenario& s) { return groups_json(access(s)); },
        [access](Scenario& s, const nlohmann::json& v) { access(s) = groups_from_json(v, "groups"); });
  }

  // The field declared last, a choice, is read by a function instead.
  template <class Read>
  Fields& read_by(Read read) {
    fields_.back().get = [read, choices = fields_.back().choices](const Scenario& s) -> nlohmann::json {
      return choices[static_cast<std::size_t>(read(s))];
    };
    return *this;
  }

  // The field declared last is set by a member function, for what it changes besides.
  Fields& set_by(void (Scenario::*setter)(std::string)) {
    fields_.back().set = [setter](Scenario& s, const nlohmann::json& v) { (s.*setter)(v.get<std::string>()); };
    return *this;
  }

  // The field declared last is an option of these engines, and decides this there.
  Fields& of(EngineSet engines, std::string role) {
    fields_.back().engines = engines;
    fields_.back().role = std::move(role);
    return *this;
  }

  // The field declared last is read by this name of a choice, too, or by this spelling of its flag.
  Fields& also_choice(std::string name, std::string meant) {
    fields_.back().choice_aliases.emplace_back(std::move(name), std::move(meant));
    return *this;
  }
  Fields& also_flag(std::string spelling) {
    fields_.back().flag_aliases.push_back(std::move(spelling));
    return *this;
  }

  // The field declared last, a number, may be a word instead, which is stored as a number outside the range.
  Fields& or_word(std::string word, double stored_as, std::string doc) {
    ScenarioField& field = fields_.back();
    field.word = std::move(word);
    field.word_value = stored_as;
    field.word_doc = std::move(doc);
    field.get = [get = field.get, text = field.word, stored_as](const Scenario& s) {
      const nlohmann::json value = get(s);
      return value == stored_as ? nlohmann::json(text) : value;
    };
    return *this;
  }

  // The section is left out of files, and of digests, where all of it is at its defaults.
  Fields& left_out_at_defaults() {
    for (ScenarioField& field : fields_) field.is_left_out_at_defaults = true;
    return *this;
  }

  // The field declared last is newer than experiments that are known, and nothing is said of it at its default.
  Fields& left_out_at_default() {
    fields_.back().is_left_out_at_default = true;
    return later();
  }

  // The field declared last is a file or folder, or one of these names.
  Fields& path_or(std::function<std::vector<std::string>()> names) {
    fields_.back().names = std::move(names);
    return *this;
  }

  // The field declared last is younger than studies that people keep; its default is what they have.
  Fields& later() {
    fields_.back().hashed_at_default = false;
    return *this;
  }

  // The field declared last matters only if this holds.
  Fields& only_if(std::string words, std::function<bool(const Scenario&)> holds) {
    fields_.back().only_if = std::move(words);
    fields_.back().matters = std::move(holds);
    return *this;
  }

  void append_to(std::vector<ScenarioField>& all);

 private:
  Fields& add(FieldKind kind, std::string key, std::string flag, std::string doc,
              std::function<nlohmann::json(const Scenario&)> get,
              std::function<void(Scenario&, const nlohmann::json&)> set) {
    fields_.push_back({.section = section_,
                       .key = std::move(key),
                       .flag = std::move(flag),
                       .kind = kind,
                       .doc = std::move(doc),
                       .matters = [](const Scenario&) { return true; },
                       .get = std::move(get),
                       .set = std::move(set)});
    return *this;
  }
  Fields& within(double low, double high) {
    fields_.back().low = low;
    fields_.back().high = high;
    return *this;
  }

  std::string section_;
  std::vector<ScenarioField> fields_;
};

// In the order of EngineKind.
const std::vector<std::string>& engine_names();

Fields cluster_fields();
Fields signal_fields();
Fields transfer_fields();
Fields router_fields();
Fields operation_fields();

}  // namespace switchyard

// Access to a member, const or not, by one expression.
#define SWITCHYARD_MEMBER(path) /* NOLINTNEXTLINE(bugprone-macro-parentheses): a name */ \
  [](auto& s) -> auto& { return s.path; }
