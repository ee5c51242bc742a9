// The random numbers of Python and NumPy, bit for bit, so that a seed means the same here as in Vidur. Both are the
// Mersenne Twister MT19937 (Matsumoto, Nishimura 1998), seeded in different ways.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace switchyard {

// Python's random.Random(seed).random().
class PythonRandom {
 public:
  explicit PythonRandom(std::uint64_t seed);
  double random();  // 53 bits, in [0, 1)

 private:
  std::uint32_t draw();
  void twist();
  std::vector<std::uint32_t> state_;
  std::size_t index_ = 0;
};

// NumPy's legacy numpy.random.RandomState(seed).
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint64_t seed);  // throws InputError for 2^32 and up, which NumPy refuses

  std::vector<std::uint32_t> permutation(std::size_t n);  // of 0..n-1

 private:
  std::mt19937 engine_;  // seeded as init_genrand does; the standard fixes engine and seeding to the bit
};

}  // namespace switchyard
