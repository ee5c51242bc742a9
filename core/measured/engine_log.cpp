#include "core/measured/engine_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/input/error.hpp"
#include "core/input/line_reader.hpp"

namespace switchyard {

namespace {

// The whole number behind a phrase, whose digits may be grouped by commas.
std::optional<std::int64_t> number_after(std::string_view line, std::string_view phrase) {
  const auto found = line.find(phrase);
  if (found == std::string_view::npos) return std::nullopt;
  std::int64_t value = 0;
  bool any = false;
  for (const char c : line.substr(found + phrase.size())) {
    if (c == ',' && any) continue;
    if (c < '0' || c > '9' || value > INT64_C(1'000'000'000'000)) break;
    value = 10 * value + (c - '0');
    any = true;
  }
  return any ? std::optional(value) : std::nullopt;
}

// Flags stand in the log as they are resolved (`max_num_seqs=256`) or as they were given (`'max_num_seqs': 256`).
// Commas group no digits here.
void note_flag(std::string_view line, std::string_view name, std::int32_t& value) {
  for (const char* between : {"=", "': "}) {
    std::string_view rest = line;
    const auto found = rest.find(fmt::format("{}{}", name, between));
    if (found == std::string_view::npos) continue;
    rest.remove_prefix(found);
    const auto number = number_after(rest.substr(0, rest.find(',')), between);
    if (number && *number > 0 && *number <= INT32_MAX) value = static_cast<std::int32_t>(*number);
  }
}

}  // namespace

EngineLog read_engine_log(const std::filesystem::path& file) {
  EngineLog log;
  LineReader lines(file);
  while (lines.next()) {
    const std::string_view line = lines.line();
    if (const auto tokens = number_after(line, "GPU KV cache size: ")) {
      log.kv_tokens = log.kv_tokens > 0 ? std::min(log.kv_tokens, *tokens) : *tokens;
    }
    note_flag(line, "max_num_batched_tokens", log.max_num_batched_tokens);
    note_flag(line, "max_num_seqs", log.max_num_seqs);
    note_flag(line, "tensor_parallel_size", log.tensor_parallel);
    note_flag(line, "max_model_len", log.max_model_len);
    note_flag(line, "max_seq_len", log.max_model_len);
  }
  if (log.kv_tokens == 0 || log.kv_tokens > INT32_MAX) {
    throw InputError(fmt::format(
        "{}: has no line 'GPU KV cache size: N tokens' as vLLM logs it at its start; was all of its output kept?",
        file.string()));
  }
  return log;
}

}  // namespace switchyard
