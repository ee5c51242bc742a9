#include "search/cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <iostream>

#include "results/terminal.hpp"
#include "search/cli/options.hpp"

namespace switchyard {

namespace {

// Short work says nothing: the first line comes after a while, and a last one only if there was a first.
class ProgressLine {
 public:
  ProgressLine() = default;

  void operator()(std::size_t done, std::size_t total) {
    const Clock::time_point now = Clock::now();
    if (done < done_ || total != total_) *this = ProgressLine(total, now);
    done_ = done;
    const bool last = done == total;
    if (last ? !shown_ : now < next_) return;
    shown_ = true;
    next_ = now + (terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(10));
    const std::string text = describe(std::chrono::duration<double>(now - started_).count());
    if (terminal_) {
      std::cerr << "\r\x1b[K" << text.substr(0, *terminal_ - 1) << (last ? "\n" : "") << std::flush;
    } else {
      std::cerr << text << std::endl;
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  ProgressLine(std::size_t total, Clock::time_point started) : total_(total), started_(started) {
    next_ = started + (terminal_ ? std::chrono::milliseconds(300) : std::chrono::seconds(5));
  }

  std::string describe(double seconds) const {
    const auto done = static_cast<double>(done_);
    const auto total = static_cast<double>(total_);
    const double rate = seconds > 0 ? done / seconds : 0;
    std::string text =
        fmt::format("{} of {} replays ({:.0f}%), {:.0f} a second", done_, total_, 100 * done / total, rate);
    if (done_ == total_) return text + ", in " + readable_duration(seconds);
    return rate > 0 ? text + fmt::format(", {} left", readable_duration((total - done) / rate)) : text;
  }

  std::optional<unsigned> terminal_ = terminal_width(STDERR_FILENO);
  std::size_t done_ = 0;
  std::size_t total_ = 0;
  bool shown_ = false;
  Clock::time_point started_;
  Clock::time_point next_;
};

}  // namespace

std::string readable_duration(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  if (whole >= 60) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{} s", whole);
}

Progress progress_for(const Options& options) {
  if (options.has("quiet")) return {};
  return ProgressLine();
}

}  // namespace switchyard
