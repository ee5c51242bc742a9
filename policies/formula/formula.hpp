// A formula over features of request, replica and cluster, parsed by muParser.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "policies/formula/features.hpp"

namespace switchyard {

class Formula {
 public:
  enum class About { request, replica };

  // Throws InputError that starts with `where` and names the character at fault.
  Formula(const std::string& text, About about, std::string_view where);
  ~Formula();
  Formula(Formula&&) noexcept;

  unsigned uses() const;  // PartUses of the features that it reads
  double value(const Moment& moment);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard
