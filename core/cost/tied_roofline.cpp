#include "core/cost/tied_roofline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/cost/cost_model.hpp"
#include "core/cost/json_fields.hpp"

namespace switchyard {

namespace {

struct Field {
  std::string key;
  double RooflineNumbers::*number;
  double most;
  double least = 0;
  bool optional = false;
};

const std::array<Field, 17>& fields() {
  static const std::array<Field, 17> all = {{{"overhead_ms", &RooflineNumbers::overhead_ms, 1000},
                                             {"weights_ms", &RooflineNumbers::weights_ms, 1e5},
                                             {"token_ms", &RooflineNumbers::token_ms, 1e4},
                                             {"request_ms", &RooflineNumbers::request_ms, 1e4},
                                             {"context_token_ms", &RooflineNumbers::context_token_ms, 1e3},
                                             {"activation_ms", &RooflineNumbers::activation_ms, 1e3},
                                             {"attention_ratio", &RooflineNumbers::attention_ratio, 1e3},
                                             {"most_tokens", &RooflineNumbers::most_tokens, 1e9},
                                             {"most_requests", &RooflineNumbers::most_requests, 1e9},
                                             {"weights_error", &RooflineNumbers::weights_error, 1e3},
                                             {"token_error", &RooflineNumbers::token_error, 1e3},
                                             {"request_error", &RooflineNumbers::request_error, 1e3},
                                             {"sharpness", &RooflineNumbers::sharpness, 100, 1, true},
                                             {"rise", &RooflineNumbers::rise, 1, 0, true},
                                             {"attention_ms", &RooflineNumbers::attention_ms, 1e5, 0, true},
                                             {"prompt_token_ms", &RooflineNumbers::prompt_token_ms, 1e4, 0, true},
                                             {"request_error_ms", &RooflineNumbers::request_error_ms, 1e4, 0, true}}};
  return all;
}

double smooth_maximum(double a, double b, double sharpness) {
  if (sharpness == 3) return std::cbrt(a * a * a + b * b * b);
  if (sharpness == 4) return std::sqrt(std::sqrt(a * a * a * a + b * b * b * b));
  return std::pow(std::pow(a, sharpness) + std::pow(b, sharpness), 1 / sharpness);
}

}  // namespace

double TiedRoofline::milliseconds(const BatchShape& step, bool& outside) const {
  const RooflineNumbers& it = numbers_;
  const auto tokens = static_cast<double>(step.prefill_tokens + step.num_decodes);
  const double requests = step.num_decodes + step.num_prefills;
  outside |= tokens > it.most_tokens || requests > it.most_requests;
  const double products =
      static_cast<double>(step.prefill_products) + 0.5 * static_cast<double>(step.prefill_chunk_squares);
  const double weights = it.weights_ms * (it.rise > 0 ? 1 + it.rise * std::log2(std::max(1.0, tokens)) : 1);
  double ms = it.overhead_ms + smooth_maximum(weights, it.token_ms * tokens, it.sharpness) + it.activation_ms * tokens +
              it.request_ms * requests;
  if (step.num_decodes > 0) {
    const double reads = it.context_token_ms * static_cast<double>(step.decode_kv_tokens);
    const double share = it.attention_ms > 0 ? reads / it.attention_ms : HUGE_VAL;
    ms += it.attention_ms + reads * (1 - std::exp(-share * std::sqrt(share)));
  }
  return ms + it.attention_ms * step.num_prefills + it.prompt_token_ms * static_cast<double>(step.prefill_tokens) +
         it.token_ms * it.attention_ratio * products;
}

std::string TiedRoofline::json() const {
  std::string text = "{";
  for (const Field& field : fields()) {
    text += fmt::format("{}\n    \"{}\": {:.6g}", text.size() > 1 ? "," : "", field.key, numbers_.*field.number);
  }
  return text + "\n  }";
}

std::shared_ptr<const TiedRoofline> TiedRoofline::from_json(const JsonFile& file, const std::string& pointer) {
  std::array<std::string, 17> keys;
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = fields()[i].key;
  json_check_keys(file, keys, pointer);
  RooflineNumbers numbers;
  for (const Field& field : fields()) {
    if (field.optional && !file.root().at(nlohmann::json::json_pointer(pointer)).contains(field.key)) continue;
    numbers.*field.number = json_number(file, field.key, field.least, field.most, pointer);
  }
  return std::make_shared<TiedRoofline>(numbers);
}

}  // namespace switchyard
