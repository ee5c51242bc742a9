// The models of known traces that are compiled in: core/data/lengths_*.json and sessions_*.json.
#pragma once

#include <string>
#include <vector>

namespace switchyard {

struct EmbeddedModel {
  std::string name;  // of the trace: "azure-conv"
  std::string file;  // in core/data
  std::string text;
};

// In alphabetical order of the files.
const std::vector<EmbeddedModel>& embedded_models();

}  // namespace switchyard
