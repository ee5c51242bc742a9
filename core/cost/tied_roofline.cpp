#include "core/cost/tied_roofline.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "core/cost/cost_model.hpp"
#include "core/cost/json_fields.hpp"

namespace switchyard {

namespace {

struct Field {
  std::string key;
  double RooflineNumbers::*number;
  double most;
};

const std::array<Field, 12>& fields() {
  static const std::array<Field, 12> all = {{{"overhead_ms", &RooflineNumbers::overhead_ms, 1000},
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
                                             {"request_error", &RooflineNumbers::request_error, 1e3}}};
  return all;
}

}  // namespace

double TiedRoofline::milliseconds(const BatchShape& step, bool& outside) const {
  const RooflineNumbers& it = numbers_;
  const auto tokens = static_cast<double>(step.prefill_tokens + step.num_decodes);
  const double requests = step.num_decodes + step.num_prefills;
  outside |= tokens > it.most_tokens || requests > it.most_requests;
  const double products =
      static_cast<double>(step.prefill_products) + 0.5 * static_cast<double>(step.prefill_chunk_squares);
  return it.overhead_ms + std::cbrt(std::pow(it.weights_ms, 3) + std::pow(it.token_ms * tokens, 3)) +
         it.activation_ms * tokens + it.context_token_ms * static_cast<double>(step.decode_kv_tokens) +
         it.token_ms * it.attention_ratio * products + it.request_ms * requests;
}

std::string TiedRoofline::json() const {
  std::string text = "{";
  for (const Field& field : fields()) {
    text += fmt::format("{}\n    \"{}\": {:.6g}", text.size() > 1 ? "," : "", field.key, numbers_.*field.number);
  }
  return text + "\n  }";
}

std::shared_ptr<const TiedRoofline> TiedRoofline::from_json(const JsonFile& file, const std::string& pointer) {
  std::array<std::string, 12> keys;
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = fields()[i].key;
  json_check_keys(file, keys, pointer);
  RooflineNumbers numbers;
  for (const Field& field : fields()) numbers.*field.number = json_number(file, field.key, 0, field.most, pointer);
  return std::make_shared<TiedRoofline>(numbers);
}

}  // namespace switchyard
