// Whether the times of a Mooncake-like trace can be the milliseconds that its format has.
#pragma once

#include <cstddef>
#include <string>

namespace switchyard {

// Mooncake's own files have block hashes beside their times, and count milliseconds. Other tools write the same keys in
// seconds. Times count as milliseconds where only that is plausible:
// - with hashes: unless 1000 requests and more would arrive each second, for which no such trace has been recorded;
// - without: if they are whole, and as seconds would be less than a request each 10 minutes.
class TimesWithoutUnit {
 public:
  explicit TimesWithoutUnit(bool has_hashes) : has_hashes_(has_hashes) {}

  void add(double time);  // they do not fall

  // Throws InputError, which asks for the unit, if they need not be milliseconds. A trace whose times are all the same
  // is the same in any unit.
  void check(const std::string& file) const;

 private:
  bool has_hashes_;
  bool whole_ = true;
  std::size_t count_ = 0;
  double first_ = 0;
  double last_ = 0;
};

}  // namespace switchyard
