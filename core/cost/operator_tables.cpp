#include "core/cost/operator_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/input/csv.hpp"
#include "core/input/error.hpp"

namespace switchyard {

namespace {

constexpr double kBrokenBelow = 0.6;  // of the rate of both neighbours

// A positive time in a CSV.
double time_us(const CsvReader& csv, std::size_t column) {
  const double us = csv.number(column);
  if (!(us > 0 && us < 1e9)) throw csv.fail(column, "must be above 0 and below 1e9 us");
  return us;
}

std::int64_t size(const CsvReader& csv, std::size_t column, std::int64_t least = 1) {
  const std::int64_t value = csv.integer(column);
  if (value < least || value > 10'000'000'000) throw csv.fail(column, fmt::format("must be from {} to 1e10", least));
  return value;
}

std::int32_t small(const CsvReader& csv, std::size_t column, std::int64_t least = 1) {
  const std::int64_t value = csv.integer(column);
  if (value < least || value > 10'000'000) throw csv.fail(column, fmt::format("must be from {} to 1e7", least));
  return static_cast<std::int32_t>(value);
}

// 0.9 before 0.19.
std::vector<int> version_numbers(const std::string& version) {
  std::vector<int> numbers{0};
  for (const char c : version) {
    if (c >= '0' && c <= '9') {
      numbers.back() = numbers.back() * 10 + (c - '0');
    } else {
      numbers.push_back(0);
    }
  }
  return numbers;
}

// Runs of at most two cells whose rate is far below that of both neighbours. A cell one above another (m = 257 beside
// 256) was measured for the step that kernels take there, and may be as slow as it likes; after a broken cell it is as
// broken.
std::vector<bool> broken(const Curve& curve) {
  const auto rate = [&](std::size_t i) { return curve.x[i] / curve.y[i]; };
  std::vector<bool> drop(curve.x.size(), false);
  for (std::size_t i = 1; i + 1 < curve.x.size(); ++i) {
    if (curve.x[i] == curve.x[i - 1] + 1) continue;
    const std::size_t run = curve.x[i + 1] == curve.x[i] + 1 ? 2 : 1;
    if (i + run >= curve.x.size()) continue;
    const double bar = kBrokenBelow * std::min(rate(i - 1), rate(i + run));
    if (rate(i) >= bar || rate(i + run - 1) >= bar) continue;
    for (std::size_t k = 0; k < run; ++k) drop[i + k] = true;
  }
  return drop;
}

// The rate m / us at position `wanted` between the curves of the nearest keys on either side, linear between their
// keys; beyond them that of the nearest.
template <class Key>
double rate_between(const std::map<Key, Curve>& curves, double wanted, double m) {
  const auto rate = [m](const Curve& curve, double key) { return key * m / curve.at(m); };
  const auto above = curves.lower_bound(static_cast<Key>(wanted));
  if (above == curves.end()) {
    const auto& [key, curve] = *std::prev(above);
    return rate(curve, static_cast<double>(key));
  }
  const auto key1 = static_cast<double>(above->first);
  if (above == curves.begin() || key1 == wanted) return rate(above->second, key1);
  const auto below = std::prev(above);
  const auto key0 = static_cast<double>(below->first);
  const double part = (wanted - key0) / (key1 - key0);
  return rate(below->second, key0) + part * (rate(above->second, key1) - rate(below->second, key0));
}

}  // namespace

OperatorTables::OperatorTables(const std::filesystem::path& folder, std::string_view gpu, std::string_view version)
    : folder_(folder), gpu_(gpu), version_(version) {
  if (!std::filesystem::is_directory(folder)) {
    throw InputError(fmt::format("--tables: {} is not a folder", in_quotes(folder.string())));
  }
  read_gemm(find("gemm"));
  const auto decode = find("generation-attention");
  read_attention(decode, find("context-attention"));
  if (const auto file = find("allreduce", true); !file.empty()) read_all_reduce(file);
  if (const auto file = find("moe-mixtral", true); !file.empty()) read_experts(file);
}

std::filesystem::path OperatorTables::find(const std::string& what, bool optional) {
  std::set<std::string> gpus;
  std::vector<std::string> versions;
  std::filesystem::path best;
  std::vector<int> best_version;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  const std::string ending = fmt::format("-{}.csv", what);
  for (const auto& path : files) {
    const std::string name = path.filename().string();
    if (!name.ends_with(ending)) continue;
    const std::string stem = name.substr(0, name.size() - ending.size());
    const auto dash = stem.find("-vllm");
    if (dash == std::string::npos) continue;
    const std::string gpu = stem.substr(0, dash), version = stem.substr(dash + 5);
    gpus.insert(gpu.substr(0, gpu.find('_')));
    if (gpu != gpu_ && gpu.substr(0, gpu.find('_')) != gpu_) continue;
    versions.push_back(version);
    if (!version_.empty() && version != version_) continue;
    if (best.empty() || version_numbers(version) > best_version) {
      best = path;
      best_version = version_numbers(version);
    }
  }
  if (best.empty() && !optional) {
    if (!versions.empty()) throw unknown_name("--version-of-tables", "version", version_, versions);
    if (gpus.empty()) {
      throw InputError(fmt::format("--tables: {} holds no file GPU-vllmVERSION{}", folder_.string(), ending));
    }
    throw unknown_name("--gpu", "GPU", gpu_, std::vector<std::string>(gpus.begin(), gpus.end()));
  }
  if (!best.empty()) files_.push_back(best.filename().string());
  return best;
}

void OperatorTables::read_gemm(const std::filesystem::path& file) {
  CsvReader csv(file);
  const auto dtype = csv.column("dtype"), n = csv.column("n"), k = csv.column("k"), m = csv.column("m");
  const auto us = csv.column("us");
  std::map<std::tuple<std::string, std::int64_t, std::int64_t>, CurveSamples> samples;
  while (csv.next()) {
    samples[{std::string(csv.text(dtype)), size(csv, k), size(csv, n)}].add(static_cast<double>(size(csv, m)),
                                                                            time_us(csv, us));
  }
  for (const auto& [key, points] : samples) {
    const auto& [type, depth, width] = key;
    const Curve all = points.curve();
    const std::vector<bool> drop = broken(all);
    Curve kept;
    for (std::size_t i = 0; i < all.x.size(); ++i) {
      if (!drop[i]) {
        kept.x.push_back(all.x[i]);
        kept.y.push_back(all.y[i]);
        continue;
      }
      const double tflops = 2e-6 * all.x[i] * static_cast<double>(width) * static_cast<double>(depth) / all.y[i];
      broken_cells_.push_back(
          fmt::format("{}: {} n={} k={} m={}: {:.0f} TFLOP/s, less than {} of both neighbours: left out",
                      file.filename().string(), type, width, depth, all.x[i], tflops, kBrokenBelow));
    }
    gemm_[type][depth][width] = std::move(kept);
  }
}

void OperatorTables::read_attention(const std::filesystem::path& decode, const std::filesystem::path& prefill) {
  const auto read = [](const std::filesystem::path& file, const char* length, auto&& use) {
    CsvReader csv(file);
    const auto heads = csv.column("heads"), kv = csv.column("kv_heads"), dim = csv.column("head_dim");
    const auto batch = csv.column("batch"), at = csv.column(length), us = csv.column("us");
    while (csv.next()) {
      use(Heads{small(csv, heads), small(csv, kv), small(csv, dim)}, small(csv, batch),
          static_cast<double>(size(csv, at)), time_us(csv, us));
    }
  };
  std::map<Heads, std::map<std::int32_t, CurveSamples>> decodes;
  read(decode, "context", [&](const Heads& heads, std::int32_t batch, double context, double us) {
    decodes[heads][batch].add(context, us);
  });
  for (const auto& [heads, batches] : decodes) {
    for (const auto& [batch, points] : batches) decode_[heads][batch] = points.curve();
  }
  std::map<Heads, CurveSamples> prefills;
  read(prefill, "length", [&](const Heads& heads, std::int32_t batch, double length, double us) {
    if (batch == 1) prefills[heads].add(length, us);
  });
  for (const auto& [heads, points] : prefills) prefill_[heads] = points.curve();
}

void OperatorTables::read_all_reduce(const std::filesystem::path& file) {
  CsvReader csv(file);
  const auto gpus = csv.column("gpus"), mode = csv.column("mode"), elements = csv.column("elements");
  const auto us = csv.column("us");
  std::map<std::int32_t, CurveSamples> samples;
  while (csv.next()) {
    if (csv.text(mode) != "graph") continue;
    samples[small(csv, gpus)].add(static_cast<double>(size(csv, elements)), time_us(csv, us));
  }
  for (const auto& [count, points] : samples) all_reduce_[count] = points.curve();
}

void OperatorTables::read_experts(const std::filesystem::path& file) {
  CsvReader csv(file);
  const auto dtype = csv.column("dtype"), hidden = csv.column("hidden"), inter = csv.column("inter");
  const auto active = csv.column("topk"), experts = csv.column("experts"), tp = csv.column("tp"), ep = csv.column("ep");
  const auto distribution = csv.column("distribution"), tokens = csv.column("tokens"), us = csv.column("us");
  decltype(experts_)::key_type key;
  std::map<decltype(experts_)::key_type, CurveSamples> samples;
  while (csv.next()) {
    if (csv.text(distribution) != "balanced" || csv.integer(ep) != 1) continue;
    key = {std::string(csv.text(dtype)), size(csv, hidden),   size(csv, inter),
           small(csv, active),           small(csv, experts), small(csv, tp)};
    samples[key].add(static_cast<double>(size(csv, tokens)), time_us(csv, us));
  }
  for (const auto& [shape, points] : samples) experts_[shape] = points.curve();
}

Curve OperatorTables::gemm(const std::string& dtype, std::int64_t n, std::int64_t k) const {
  const auto found = gemm_.find(dtype);
  if (found == gemm_.end()) {
    std::vector<std::string> known;
    for (const auto& [name, unused] : gemm_) known.push_back(name);
    throw unknown_name("--dtype", "data type of the GEMM table", dtype, known);
  }
  // Depths whose own range of n holds the one wanted (or the widest there is, for a vocabulary), so that no
  // rate is taken from a far smaller matrix.
  std::map<std::int64_t, const GemmColumn*> depths;
  std::int64_t widest = 0;
  for (const auto& [depth, column] : found->second) widest = std::max(widest, column.rbegin()->first);
  const std::int64_t needed = std::min(n, widest);
  for (const auto& [depth, column] : found->second) {
    if (column.rbegin()->first >= needed) depths[depth] = &column;
  }
  auto above = depths.lower_bound(k);
  auto below = above;
  if (above == depths.end()) {
    above = below = std::prev(depths.end());
  } else if (above->first != k && above != depths.begin()) {
    below = std::prev(above);
  }
  std::set<double> positions;
  for (const auto* column : {below->second, above->second}) {
    for (const auto& [width, curve] : *column) positions.insert(curve.x.begin(), curve.x.end());
  }
  Curve curve;
  for (const double m : positions) {
    const auto width = static_cast<double>(n);
    const auto k0 = static_cast<double>(below->first), k1 = static_cast<double>(above->first);
    const double rate0 = rate_between(*below->second, width, m) * k0;
    const double rate1 = rate_between(*above->second, width, m) * k1;
    const auto depth = static_cast<double>(k);
    const double part = k1 > k0 ? (depth - k0) / (k1 - k0) : 0;
    curve.x.push_back(m);
    curve.y.push_back(width * depth * m / (rate0 + part * (rate1 - rate0)));
  }
  return curve;
}

namespace {

std::string known_heads(const auto& tables) {
  std::string text;
  for (const auto& [heads, unused] : tables) {
    text += fmt::format("{}{}/{}/{}", text.empty() ? "" : ", ", heads.query, heads.kv, heads.size);
  }
  return text;
}

// A table for `heads`: its own, or that of heads that divide into it (b sequences of 32 heads are read as 4 b sequences
// of 8), or between the two nearest numbers of query heads with the same KV heads.
template <class Table>
struct Neighbours {
  const Table* below = nullptr;
  const Table* above = nullptr;
  double part = 0;          // of the way from below to above
  std::int32_t copies = 1;  // of each sequence

  Neighbours(const std::map<Heads, Table>& tables, const Heads& wanted, const char* what) {
    for (std::int32_t n = 1; n <= wanted.kv; ++n) {
      if (wanted.kv % n != 0 || wanted.query % n != 0) continue;
      const auto found = tables.find({wanted.query / n, wanted.kv / n, wanted.size});
      if (found == tables.end()) continue;
      below = above = &found->second;
      copies = n;
      return;
    }
    std::int32_t low = 0, high = 0;
    for (const auto& [heads, table] : tables) {
      if (heads.kv != wanted.kv || heads.size != wanted.size) continue;
      if (heads.query < wanted.query) {
        low = heads.query;
        below = &table;
      } else if (above == nullptr) {
        high = heads.query;
        above = &table;
      }
    }
    if (below == nullptr || above == nullptr) {
      throw InputError(
          fmt::format("--tables: {} attention with {} query and {} KV heads of size {} was not measured; "
                      "known are {}",
                      what, wanted.query, wanted.kv, wanted.size, known_heads(tables)));
    }
    part = static_cast<double>(wanted.query - low) / (high - low);
  }
};

}  // namespace

CurveSet OperatorTables::decode_attention(const Heads& heads) const {
  const Neighbours near(decode_, heads, "decode");
  CurveSet set;
  for (const auto& [batch, above] : *near.above) {
    const auto below = near.below->find(batch);
    if (batch % near.copies != 0 || below == near.below->end()) continue;
    Curve curve = above;
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      curve.y[i] = (1 - near.part) * below->second.at(curve.x[i]) + near.part * curve.y[i];
    }
    set.position.push_back(static_cast<double>(batch / near.copies));
    set.curves.push_back(std::move(curve));
  }
  return set;
}

Curve OperatorTables::prefill_attention(const Heads& heads) const {
  const Neighbours near(prefill_, heads, "prefill");
  Curve curve = *near.above;
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    curve.y[i] = near.copies * ((1 - near.part) * near.below->at(curve.x[i]) + near.part * curve.y[i]);
  }
  return curve;
}

Curve OperatorTables::all_reduce(std::int32_t gpus) const {
  const auto found = all_reduce_.find(gpus);
  if (found != all_reduce_.end()) return found->second;
  std::string known;
  for (const auto& [count, unused] : all_reduce_) known += fmt::format("{}{}", known.empty() ? "" : ", ", count);
  throw InputError(fmt::format("--tp: no all-reduce over {} GPUs was measured (known: {})", gpus, known));
}

Curve OperatorTables::experts(const std::string& dtype, std::int64_t hidden, std::int64_t mlp, std::int32_t active,
                              std::int32_t experts, std::int32_t tensor_parallel) const {
  const auto found = experts_.find({dtype, hidden, mlp, active, experts, tensor_parallel});
  if (found != experts_.end()) return found->second;
  throw InputError(
      fmt::format("--tables: no experts' GEMMs of {} experts, {} active, hidden {}, MLP {}, in {} over {} GPUs "
                  "in the tables of {}",
                  experts, active, hidden, mlp, dtype, tensor_parallel, gpu_));
}

}  // namespace switchyard
