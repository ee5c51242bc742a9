// A queue in a vector: what it has allocated stays so, from one replay to the next.
#pragma once

#include <cstddef>
#include <vector>

namespace switchyard {

template <class Value>
class Fifo {
 public:
  void clear() {
    values_.clear();
    first_ = 0;
  }
  bool empty() const { return first_ == values_.size(); }
  std::size_t size() const { return values_.size() - first_; }
  const Value& front() const { return values_[first_]; }
  auto begin() const { return values_.begin() + static_cast<std::ptrdiff_t>(first_); }
  auto end() const { return values_.end(); }

  void push_back(const Value& value) { values_.push_back(value); }
  void pop_front() {
    ++first_;
    if (2 * first_ < values_.size() && !empty()) return;
    values_.erase(values_.begin(), begin());
    first_ = 0;
  }

 private:
  std::vector<Value> values_;
  std::size_t first_ = 0;
};

}  // namespace switchyard
