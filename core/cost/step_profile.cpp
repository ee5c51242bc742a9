#include "core/cost/step_profile.hpp"

#include <fmt/format.h>

#include <array>

#include "core/cost/attention_grid.hpp"
#include "core/cost/composed_times.hpp"
#include "core/cost/curve_json.hpp"
#include "core/cost/json_fields.hpp"
#include "core/cost/tied_roofline.hpp"
#include "core/input/json_text.hpp"

namespace switchyard {

namespace {

using Reader = std::shared_ptr<const StepTimes> (*)(const JsonFile&, const std::string&);

struct Kind {
  std::string key;
  Reader read;
};

template <class Times>
std::shared_ptr<const StepTimes> read(const JsonFile& file, const std::string& at) {
  return Times::from_json(file, at);
}

// Each way of telling step times, by the key that holds it.
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {{"operators", &read<ComposedTimes>},
                                        {"attention_grid", &read<GridTimes>},
                                        {"tied_roofline", &read<TiedRoofline>}};
  return all;
}

const Kind* kind_of(const JsonFile& file) {
  if (!file.root().is_object()) return nullptr;
  for (const Kind& kind : kinds()) {
    if (file.root().contains(kind.key)) return &kind;
  }
  return nullptr;
}

KvMemory read_memory(const JsonFile& file) {
  static const std::array<std::string, 5> keys = {"gpu_bytes", "weight_bytes", "reserved_bytes", "kv_bytes_per_token",
                                                  "kv_tokens"};
  const std::string at = "/memory";
  json_check_keys(file, keys, at);
  KvMemory memory;
  memory.gpu_bytes = json_number(file, keys[0], 0, 1e15, at);
  memory.weight_bytes = json_number(file, keys[1], 1, 1e15, at);
  memory.reserved_bytes = json_number(file, keys[2], 0, 1e15, at);
  memory.kv_bytes_per_token = json_number(file, keys[3], 1, 1e12, at);
  memory.kv_tokens = json_integer(file, keys[4], 0, INT32_MAX, at);
  return memory;
}

FrontEnd read_front_end(const JsonFile& file) {
  FrontEnd front_end;
  if (!file.root().contains("front_end")) return front_end;
  static const std::array<std::string, 3> keys = {"latency_ms", "token_us", "first_step_ms"};
  const std::string at = "/front_end";
  json_check_keys(file, keys, at);
  front_end.latency_ms = json_number(file, keys[0], 0, 1e6, at);
  front_end.token_us = json_number(file, keys[1], 0, 1e6, at);
  front_end.first_step_ms = json_number(file, keys[2], 0, 1e6, at);
  return front_end;
}

}  // namespace

bool is_step_profile(const JsonFile& file) { return kind_of(file) != nullptr; }

StepProfile read_step_profile(const JsonFile& file) {
  const Kind& kind = *kind_of(file);
  const std::array<std::string, 8> keys = {"name",  "source", "model",     "tensor_parallel",
                                           "dtype", "memory", "front_end", kind.key};
  json_check_keys(file, keys);
  json_check_keys(file, model_shape_keys(), "/model");
  StepProfile profile;
  profile.name = json_string(file, "name");
  profile.source = json_string(file, "source");
  profile.shape = json_model_shape(file, true, "/model");
  profile.tensor_parallel = json_integer(file, "tensor_parallel", 1, 1024);
  profile.dtype = json_string(file, "dtype");
  profile.memory = read_memory(file);
  profile.front_end = read_front_end(file);
  profile.host_ms = json_number(file, "overhead_ms", 0, 1000, "/" + kind.key);
  profile.times = kind.read(file, "/" + kind.key);
  return profile;
}

std::string step_profile_json(const StepProfile& profile) {
  const ModelShape& shape = profile.shape;
  const KvMemory& memory = profile.memory;
  const FrontEnd& front = profile.front_end;
  std::string front_end, context;
  if (shape.max_model_len > 0) context = fmt::format(", \"max_model_len\": {}", shape.max_model_len);
  if (front.latency_ms > 0 || front.token_us > 0 || front.first_step_ms > 0) {
    front_end =
        fmt::format("  \"front_end\": {{\"latency_ms\": {:.4g}, \"token_us\": {:.4g}, \"first_step_ms\": {:.4g}}},\n",
                    front.latency_ms, front.token_us, front.first_step_ms);
  }
  return fmt::format(
      "{{\n  \"name\": {},\n  \"source\": {},\n"
      "  \"model\": {{\"num_layers\": {}, \"num_q_heads\": {}, \"num_kv_heads\": {}, \"head_dim\": {}, "
      "\"embedding_dim\": {}, \"mlp_dim\": {}{}}},\n  \"tensor_parallel\": {},\n  \"dtype\": {},\n"
      "  \"memory\": {{\"gpu_bytes\": {:.0f}, \"weight_bytes\": {:.0f}, \"reserved_bytes\": {:.0f}, "
      "\"kv_bytes_per_token\": {:.0f}, \"kv_tokens\": {}}},\n{}  \"{}\": {}\n}}\n",
      json_quoted(profile.name), json_quoted(profile.source), shape.num_layers, shape.num_q_heads, shape.num_kv_heads,
      shape.head_dim, shape.embedding_dim, shape.mlp_dim, context, profile.tensor_parallel, json_quoted(profile.dtype),
      memory.gpu_bytes, memory.weight_bytes, memory.reserved_bytes, memory.kv_bytes_per_token, memory.kv_tokens,
      front_end, profile.times->kind(), profile.times->json());
}

}  // namespace switchyard
