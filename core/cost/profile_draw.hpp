// Profiles as they might be as well: how sure one is of the parts of a profile, and draws from that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/cost/layer_times.hpp"
#include "core/cost/step_profile.hpp"

namespace switchyard {

// Standard deviations of the logarithms of what a part takes, by which it may be off as a whole. From replays of real
// engines and from hidden points of operator tables: README.md.
inline constexpr double kTokenDeviation = 0.03;    // GEMMs and all else that goes by tokens and requests
inline constexpr double kDecodeDeviation = 0.04;   // attention of decodes
inline constexpr double kPrefillDeviation = 0.04;  // attention of prompts

// "name~3" is the third draw of the profile "name". The name without that, and the number of the draw; 0: the profile
// itself. Throws InputError for the draw 0.
struct ProfileName {
  std::string name;
  std::uint64_t draw = 0;
};
ProfileName split_draw(std::string_view text);
std::string name_of_draw(const std::string& name, std::uint64_t draw);

// The same draw scales the same parts by the same factors, whatever the profile. A fitted roofline is drawn from the
// standard errors of its own numbers where they are larger.
void apply_draw(std::uint64_t draw, LayerTimes& times);
void apply_draw(std::uint64_t draw, StepProfile& profile);

}  // namespace switchyard
