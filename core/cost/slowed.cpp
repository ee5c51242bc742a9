#include "core/cost/slowed.hpp"

#include <fmt/format.h>

namespace switchyard {

namespace {

class SlowedSteps final : public StepTimes {
 public:
  SlowedSteps(std::shared_ptr<const CostModel> model, double factor) : model_(std::move(model)), factor_(factor) {}

  double milliseconds(const BatchShape& step, bool& outside) const override {
    return factor_ * steps().milliseconds(step, outside);
  }
  bool uneven() const override { return steps().uneven(); }
  // A part of what milliseconds() is made of, which takes it times the factor.
  double prefill_attention(std::int64_t processed, std::int64_t chunk, bool& outside) const override {
    return steps().prefill_attention(processed, chunk, outside);
  }
  std::string_view kind() const override { return steps().kind(); }
  std::string json() const override { return fmt::format("{{\"slowed\": {}, \"by\": {}}}", steps().json(), factor_); }

 private:
  const StepTimes& steps() const { return *model_->steps(); }

  std::shared_ptr<const CostModel> model_;
  double factor_;
};

}  // namespace

std::shared_ptr<const CostModel> slowed(const std::shared_ptr<const CostModel>& model, double factor) {
  if (factor == 1) return model;
  if (model->steps() != nullptr) {
    return std::make_shared<CostModel>(model->name(), std::make_shared<SlowedSteps>(model, factor));
  }
  CostTables tables = model->tables();
  for (auto* entries : {&tables.tokens, &tables.decode, &tables.prefill}) {
    for (double& entry : *entries) entry *= factor;
  }
  for (double* slope : {&tables.operators_slope, &tables.cache_save_slope}) {
    if (*slope > 0) *slope *= factor;
  }
  return std::make_shared<CostModel>(model->name(), std::move(tables));
}

}  // namespace switchyard
