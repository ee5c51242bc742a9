#include "core/cost/gpu.hpp"

#include <vector>

#include "core/input/error.hpp"

namespace switchyard {

const Gpu& gpu_by_name(std::string_view name) {
  constexpr double kMiB = 1048576.0;
  static const std::vector<Gpu> gpus = {
      {"a100", 2.039e12, 81920 * kMiB, 2048},
      {"h100", 3.35e12, 81559 * kMiB, 8192},
      {"h200", 4.8e12, 143771 * kMiB, 8192},
      {"l40s", 0.864e12, 46068 * kMiB, 2048},
  };
  std::vector<std::string> names;
  for (const Gpu& gpu : gpus) {
    if (gpu.name == name) return gpu;
    names.push_back(gpu.name);
  }
  throw unknown_name("--gpu", "GPU", name, names);
}

}  // namespace switchyard
