#include "core/workload/python_random.hpp"

#include <fmt/format.h>

#include <bit>
#include <numeric>
#include <utility>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kN = 624;
constexpr std::size_t kM = 397;

}  // namespace

// init_by_array of the reference code, with the seed's 32-bit words, least significant first, as the key.
PythonRandom::PythonRandom(std::uint64_t seed) : state_(kN), index_(kN) {
  std::vector<std::uint32_t> key = {static_cast<std::uint32_t>(seed)};
  if (seed >> 32) key.push_back(static_cast<std::uint32_t>(seed >> 32));
  state_[0] = 19650218U;
  for (std::uint32_t i = 1; i < kN; ++i) state_[i] = 1812433253U * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
  std::size_t i = 1;
  std::uint32_t j = 0;
  auto advance = [&] {
    if (++i == kN) {
      state_[0] = state_[kN - 1];
      i = 1;
    }
  };
  for (std::size_t k = kN; k > 0; --k) {  // kN exceeds any key of ours
    state_[i] = (state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30)) * 1664525U)) + key[j] + j;
    if (++j == key.size()) j = 0;
    advance();
  }
  for (std::size_t k = kN - 1; k > 0; --k) {
    state_[i] = (state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30)) * 1566083941U)) - static_cast<std::uint32_t>(i);
    advance();
  }
  state_[0] = 0x80000000U;
}

void PythonRandom::twist() {
  for (std::size_t i = 0; i < kN; ++i) {
    const std::uint32_t y = (state_[i] & 0x80000000U) | (state_[(i + 1) % kN] & 0x7fffffffU);
    state_[i] = state_[(i + kM) % kN] ^ (y >> 1) ^ ((y & 1U) ? 0x9908b0dfU : 0U);
  }
  index_ = 0;
}

std::uint32_t PythonRandom::draw() {
  if (index_ == kN) twist();
  std::uint32_t y = state_[index_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680U;
  y ^= (y << 15) & 0xefc60000U;
  return y ^ (y >> 18);
}

double PythonRandom::random() {
  const std::uint32_t a = draw() >> 5;
  const std::uint32_t b = draw() >> 6;
  return (a * 67108864.0 + b) * (1.0 / 9007199254740992.0);
}

NumpyRandom::NumpyRandom(std::uint64_t seed) : engine_(static_cast<std::uint32_t>(seed)) {
  if (seed > UINT32_MAX) {
    throw InputError(
        fmt::format("seed {} is not allowed: shuffled lengths take NumPy's seeds, which end at {}", seed, UINT32_MAX));
  }
}

std::vector<std::uint32_t> NumpyRandom::permutation(std::size_t n) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  for (std::size_t i = n; i-- > 1;) {
    const std::uint32_t mask = std::bit_ceil(static_cast<std::uint32_t>(i) + 1) - 1;  // the smallest 2^k - 1 >= i
    std::uint32_t j = 0;
    do {
      j = static_cast<std::uint32_t>(engine_()) & mask;
    } while (j > i);
    std::swap(order[i], order[j]);
  }
  return order;
}

}  // namespace switchyard
