#include "search/python/src/asked_elsewhere.hpp"

#include <algorithm>
#include <stdexcept>

namespace switchyard::python {

namespace {

thread_local Exchange* exchange_of_this_thread = nullptr;

struct GivenUp {};  // no std::exception: nothing on the way may take it for a fault of its own

}  // namespace

Exchange::Exchange(std::function<std::string()> search)
    : thread_([this, search = std::move(search)] {
        exchange_of_this_thread = this;
        std::string outcome;
        std::exception_ptr error;
        try {
          outcome = search();
        } catch (const GivenUp&) {
        } catch (...) {
          error = std::current_exception();
        }
        const std::lock_guard lock(mutex_);
        outcome_ = std::move(outcome);
        error_ = error;
        ended_ = true;
        changed_.notify_all();
      }) {}

Exchange::~Exchange() {
  give_up();
  thread_.join();
}

void Exchange::give_up() {
  {
    const std::lock_guard lock(mutex_);
    given_up_ = true;
  }
  changed_.notify_all();
}

// Until there is something to hand out, or to be told, or the search has ended.
void Exchange::settle(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return ended_ || num_open_ > 0 || handed_out_ < wanted_.size(); });
  if (error_) std::rethrow_exception(error_);
}

std::vector<Exchange::Question> Exchange::ask(std::size_t most) {
  std::unique_lock lock(mutex_);
  settle(lock);
  std::vector<Question> questions;
  for (; handed_out_ < wanted_.size() && questions.size() < most; ++handed_out_) {
    questions.push_back({first_ + handed_out_, wanted_[handed_out_]});
  }
  return questions;
}

void Exchange::tell(std::size_t number, ReplayResult result) {
  {
    const std::lock_guard lock(mutex_);
    const std::size_t i = number - first_;
    if (number < first_ || i >= handed_out_ || !open_[i]) {
      throw std::invalid_argument("this replay is not asked for now: it was told before, or its study has ended");
    }
    told_[i] = std::move(result);
    open_[i] = false;
    --num_open_;
  }
  changed_.notify_all();
}

bool Exchange::done() {
  std::unique_lock lock(mutex_);
  settle(lock);
  return ended_;
}

std::vector<ReplayResult> Exchange::answers(std::span<const Job> jobs) {
  std::unique_lock lock(mutex_);
  wanted_.assign(jobs.begin(), jobs.end());
  told_.assign(jobs.size(), {});
  open_.assign(jobs.size(), true);
  num_open_ = jobs.size();
  handed_out_ = 0;
  changed_.notify_all();
  changed_.wait(lock, [this] { return given_up_ || num_open_ == 0; });
  if (given_up_) throw GivenUp();
  first_ += wanted_.size();
  wanted_.clear();
  handed_out_ = 0;
  return std::move(told_);
}

std::unique_ptr<Evaluator> AskedElsewhere::of_this_thread(const RequestLimits& limits) {
  if (!exchange_of_this_thread) return nullptr;
  return std::make_unique<AskedElsewhere>(*exchange_of_this_thread, limits);
}

AskedElsewhere::AskedElsewhere(Exchange& exchange, const RequestLimits& limits) : exchange_(exchange), limits_(limits) {
  exchange_.set_limits(limits);
}

std::vector<ReplayResult> AskedElsewhere::run(std::span<const Job> jobs, const Progress& progress) {
  std::vector<ReplayResult> results = exchange_.answers(jobs);
  if (progress) progress(jobs.size(), jobs.size());
  return results;
}

}  // namespace switchyard::python
