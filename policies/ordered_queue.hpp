// The queued requests by a key that does not change while they wait: a binary heap, ties in arrival order.
#pragma once

#include <algorithm>
#include <vector>

#include "core/api/views.hpp"

namespace switchyard {

class OrderedQueue {
 public:
  void clear() { heap_.clear(); }
  bool empty() const { return heap_.empty(); }
  RequestId head() const { return heap_.front().id; }
  void push(double key, RequestId id) {
    heap_.push_back({key, id});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }

 private:
  struct Entry {
    double key;
    RequestId id;
  };
  static bool later(const Entry& a, const Entry& b) { return a.key != b.key ? a.key > b.key : a.id > b.id; }
  std::vector<Entry> heap_;
};

}  // namespace switchyard
