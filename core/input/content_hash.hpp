// A fingerprint of data by their content: 64 bits of XXH3 (Collet), which tells edited data from the same ones as fast
// as memory is read. It guards against mistakes, not against forgery.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace switchyard {

class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  ContentHash(const ContentHash&) = delete;
  ContentHash& operator=(const ContentHash&) = delete;

  // Each piece goes in behind its length, so that two pieces are never taken for one.
  ContentHash& add(std::string_view text) { return add_bytes(text.data(), text.size()); }
  template <class T>
  ContentHash& add(std::span<const T> numbers) {
    static_assert(std::is_arithmetic_v<T>, "a structure has padding: add its members");
    return add_bytes(numbers.data(), numbers.size_bytes());
  }
  ContentHash& add(std::int64_t number) { return add(std::span<const std::int64_t>(&number, 1)); }
  ContentHash& add(double number) { return add(std::span<const double>(&number, 1)); }

  std::string hex() const;  // 16 digits

 private:
  ContentHash& add_bytes(const void* bytes, std::size_t size);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace switchyard
