// Binds declared parameters to the data members that hold them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/api/params.hpp"

namespace switchyard {

// The parameters of a T, each declared once, with the member that its value goes to. Self is the declaration that
// inherits this, so that calls chain.
template <class T, class Self>
class ParamBindings {
 public:
  Self& real(double T::*member, std::string name, double default_value, double low, double high, ParamScale scale,
             std::string doc) {
    return add({.name = std::move(name),
                .type = ParamType::real,
                .default_value = default_value,
                .low = low,
                .high = high,
                .scale = scale,
                .doc = std::move(doc)},
               [member](T& object, double value) { object.*member = value; });
  }

  Self& integer(std::int32_t T::*member, std::string name, std::int32_t default_value, std::int32_t low,
                std::int32_t high, ParamScale scale, std::string doc) {
    return add({.name = std::move(name),
                .type = ParamType::integer,
                .default_value = double(default_value),
                .low = double(low),
                .high = double(high),
                .scale = scale,
                .doc = std::move(doc)},
               [member](T& object, double value) { object.*member = static_cast<std::int32_t>(value); });
  }

  // Enum is an enumeration whose enumerators 0, 1, ... stand for the choices in order; or bool for two of them.
  template <class Enum>
  Self& choice(Enum T::*member, std::string name, std::vector<std::string> choices, Enum default_value,
               std::string doc) {
    const double last = double(choices.size()) - 1;
    return add({.name = std::move(name),
                .type = ParamType::choice,
                .default_value = double(static_cast<int>(default_value)),
                .low = 0,
                .high = last,
                .choices = std::move(choices),
                .doc = std::move(doc)},
               [member](T& object, double value) { object.*member = static_cast<Enum>(static_cast<int>(value)); });
  }

  // The parameter declared last matters only while choice `name` has one of `values`.
  Self& only_if(std::string name, std::vector<std::string> values) {
    params_.back().active_if.push_back({std::move(name), std::move(values)});
    return self();
  }

 protected:
  using Setter = std::function<void(T&, double)>;

  // What makes a T and gives its members these values, which come in the order of the declarations.
  static void apply(const std::vector<Setter>& setters, T& object, std::span<const double> values) {
    for (std::size_t i = 0; i < setters.size(); ++i) setters[i](object, values[i]);
  }

  std::vector<ParamSpec> params_;
  std::vector<Setter> setters_;

 private:
  Self& self() { return static_cast<Self&>(*this); }
  Self& add(ParamSpec param, Setter setter) {
    params_.push_back(std::move(param));
    setters_.push_back(std::move(setter));
    return self();
  }
};

}  // namespace switchyard
