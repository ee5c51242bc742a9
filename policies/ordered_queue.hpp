// The queued requests by a key that does not change while they wait: a binary heap, ties in arrival order.
#pragma once

#include <algorithm>
#include <vector>

#include "core/api/views.hpp"

namespace switchyard {

class OrderedQueue {
 public:
  struct Entry {
    double key;
    RequestId id;
  };

  void clear() { heap_.clear(); }
  bool empty() const { return heap_.empty(); }
  const Entry& head() const { return heap_.front(); }
  void push(Entry entry) {
    heap_.push_back(entry);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }

 private:
  static bool later(const Entry& a, const Entry& b) { return a.key != b.key ? a.key > b.key : a.id > b.id; }
  std::vector<Entry> heap_;
};

}  // namespace switchyard
