#include "core/workload/timestamp.hpp"

#include <chrono>

namespace switchyard {

namespace {

constexpr int kFractionDigits = 7;  // 100 ns

// Takes parts off the front of a text; each returns false, or nothing, if it does not begin so.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }

  bool take(char a, char b) {
    if (text_.empty() || (text_.front() != a && text_.front() != b)) return false;
    text_.remove_prefix(1);
    return true;
  }

  // The value of a digit; -1 if there is none.
  int digit() {
    if (text_.empty() || text_.front() < '0' || text_.front() > '9') return -1;
    const int value = text_.front() - '0';
    text_.remove_prefix(1);
    return value;
  }

  // Exactly so many digits, of a number that is at most `most`.
  template <std::size_t digits>
  bool number(int most, int& value) {
    if (text_.size() < digits) return false;
    value = 0;
    bool good = true;
    for (std::size_t i = 0; i < digits; ++i) {
      const int next = text_[i] - '0';
      good &= next >= 0 && next <= 9;
      value = value * 10 + next;
    }
    text_.remove_prefix(digits);
    return good && value <= most;
  }

 private:
  std::string_view text_;
};

}  // namespace

std::optional<std::int64_t> parse_timestamp(std::string_view text, bool* has_zone) {
  Scanner scan(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!scan.number<4>(9999, year) || !scan.take('-', '/') || !scan.number<2>(12, month) || !scan.take('-', '/') ||
      !scan.number<2>(31, day) || !scan.take(' ', 'T') || !scan.number<2>(23, hour) || !scan.take(':', ':') ||
      !scan.number<2>(59, minute) || !scan.take(':', ':') || !scan.number<2>(60, second)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  std::int64_t fraction = 0;
  if (scan.take('.', '.')) {
    int digits = 0;
    int digit = scan.digit();
    if (digit < 0) return std::nullopt;
    for (; digit >= 0; digit = scan.digit(), ++digits) {
      if (digits < kFractionDigits) fraction = fraction * 10 + digit;
    }
    for (; digits < kFractionDigits; ++digits) fraction *= 10;
  }
  int offset_hours = 0, offset_minutes = 0, sign = 0;
  if (scan.take('+', '+')) {
    sign = 1;
  } else if (scan.take('-', '-')) {
    sign = -1;
  }
  if (sign != 0) {
    if (!scan.number<2>(23, offset_hours) || !scan.take(':', ':') || !scan.number<2>(59, offset_minutes)) {
      return std::nullopt;
    }
  }
  const bool utc = sign == 0 && scan.take('Z', 'z');
  if (has_zone) *has_zone = utc || sign != 0;
  if (!scan.done()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t minutes = (days * 24 + hour) * 60 + minute - sign * (offset_hours * 60 + offset_minutes);
  return (minutes * 60 + second) * 10'000'000 + fraction;
}

}  // namespace switchyard
