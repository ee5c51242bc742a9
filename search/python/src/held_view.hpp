// The cluster as a policy in Python sees it: a ClusterView that can be held on to, but used only during a call.
#pragma once

#include <nanobind/nanobind.h>

#include "core/api/cluster_view.hpp"

namespace switchyard::python {

class HeldView {
 public:
  // While a call lasts. `changes` is empty where the call may look only.
  class Call {
   public:
    Call(HeldView& held, const ClusterView& view, ClusterView* changes) : held_(held) {
      held.view_ = &view;
      held.changes_ = changes;
    }
    ~Call() {
      held_.view_ = nullptr;
      held_.changes_ = nullptr;
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    HeldView& held_;
  };

  const ClusterView& view() const {
    if (!view_) throw nanobind::value_error("the cluster can be looked at only during a call of the policy");
    return *view_;
  }

  ClusterView& changes() const {
    if (!changes_) throw nanobind::value_error("requests can be assigned only in schedule()");
    return *changes_;
  }

  // Throws IndexError.
  std::int32_t replica(std::int64_t index) const {
    if (index < 0 || index >= view().num_replicas()) {
      throw nanobind::index_error(("there is no replica " + std::to_string(index) + ": they are 0 to " +
                                   std::to_string(view().num_replicas() - 1))
                                      .c_str());
    }
    return static_cast<std::int32_t>(index);
  }

 private:
  const ClusterView* view_ = nullptr;
  ClusterView* changes_ = nullptr;
};

}  // namespace switchyard::python
