#include "search/remote/pooled_evaluator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <deque>
#include <exception>
#include <stdexcept>

#include "search/remote/wire.hpp"

namespace switchyard {

namespace {

constexpr int kMostDeaths = 3;

// Processor time that this thread has used, s.
double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

std::string Traffic::text() const {
  const auto per_replay = [this](std::int64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(std::max<std::int64_t>(1, replays));
  };
  return fmt::format(
      "{} replays in {} batches; {:.0f} bytes sent and {:.0f} received a replay; {} batches lost; {:.0f} us of the "
      "driver a "
      "replay",
      replays, batches, per_replay(bytes_out), per_replay(bytes_in), lost_batches,
      1e6 * driver_s / static_cast<double>(std::max<std::int64_t>(1, replays)));
}

PooledEvaluator::PooledEvaluator(RequestLimits limits, std::shared_ptr<WorkerPool> pool)
    : limits_(limits), pool_(std::move(pool)), knows_(pool_->size()) {}

std::string PooledEvaluator::add(const Experiment& experiment) {
  std::string key = replay_key(experiment, limits_);
  experiments_[key] = experiment_text(experiment, limits_);
  return key;
}

void PooledEvaluator::remove(const std::string& key) { experiments_.erase(key); }

std::vector<ReplayResult> PooledEvaluator::run(std::span<const Job> jobs, const Progress& progress) {
  std::vector<ReplayResult> results(jobs.size());
  std::deque<std::size_t> waiting;
  for (std::size_t i = 0; i < jobs.size(); ++i) waiting.push_back(i);
  std::vector<int> deaths(jobs.size(), 0);
  std::vector<std::vector<std::size_t>> under_way(pool_->size());
  std::size_t busy = 0, done = 0;
  std::exception_ptr error;
  double waited = 0;
  if (counted_until_ < 0) counted_until_ = thread_seconds();

  // Half of each worker's share of what is left: large batches at first, small ones at the end, so that all finish
  // together. One experiment a batch. Jobs that have seen a death come last, and one at a time: then it is known whose
  // death it was.
  const auto send = [&](std::size_t worker) {
    if (deaths[waiting.front()] > 0 && busy > 0) return;
    const std::size_t most = std::max<std::size_t>(1, waiting.size() / (2 * pool_->size()));
    std::vector<std::size_t>& batch = under_way[worker];
    std::vector<Job> sent;
    while (!waiting.empty() && batch.size() < most) {
      const std::size_t next = waiting.front();
      if (!batch.empty() && (jobs[next].experiment != sent.front().experiment || deaths[next] > 0)) break;
      waiting.pop_front();
      batch.push_back(next);
      sent.push_back(jobs[next]);
      if (deaths[next] > 0) break;
    }
    const std::string& key = sent.front().experiment;
    const auto text = experiments_.find(key);
    if (text == experiments_.end()) throw std::logic_error("no such experiment here: " + key);
    const std::string message = batch_text(knows_[worker].insert(key).second ? text->second : key, sent);
    pool_->send(worker, message);
    ++busy;
    ++pool_->traffic.batches;
    pool_->traffic.bytes_out += static_cast<std::int64_t>(message.size());
  };

  for (std::size_t worker = 0; worker < pool_->size() && !waiting.empty(); ++worker) send(worker);
  while (busy > 0) {
    const double before = thread_seconds();
    const WorkerPool::Answer answer = pool_->receive();
    waited += thread_seconds() - before;
    --busy;
    std::vector<std::size_t> batch;
    batch.swap(under_way[answer.worker]);
    if (answer.lost) {
      knows_[answer.worker].clear();
      ++pool_->traffic.lost_batches;
      for (const std::size_t job : batch) {
        if (++deaths[job] < kMostDeaths) {
          waiting.push_back(job);
          continue;
        }
        results[job].failure = "killed three workers";
        ++done;
      }
    } else if (!error) {
      pool_->traffic.bytes_in += static_cast<std::int64_t>(answer.results.size());
      try {
        std::vector<ReplayResult> came = parse_results(answer.results);
        if (came.size() != batch.size()) throw std::runtime_error("a worker answered for other jobs than it was sent");
        for (std::size_t i = 0; i < batch.size(); ++i) results[batch[i]] = std::move(came[i]);
        done += batch.size();
        pool_->traffic.replays += static_cast<std::int64_t>(batch.size());
      } catch (...) {  // nothing more is sent, and what is under way is waited for
        error = std::current_exception();
        waiting.clear();
      }
    }
    if (progress && !error) progress(done, jobs.size());
    for (std::size_t worker = 0; worker < pool_->size() && !waiting.empty(); ++worker) {
      if (under_way[worker].empty()) send(worker);
    }
  }
  const double now = thread_seconds();
  pool_->traffic.driver_s += now - counted_until_ - waited;
  counted_until_ = now;
  if (error) std::rethrow_exception(error);
  return results;
}

}  // namespace switchyard
