#include "search/remote/mpi.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <thread>

#include "search/remote/pooled_evaluator.hpp"
#include "search/remote/wire.hpp"

namespace switchyard {

namespace {

constexpr int kBatch = 1, kResults = 2, kEnd = 3;  // tags

// MPI's own waits keep a core busy, which others could replay on: look, and sleep the longer, the longer it has taken
// so far. What is waited for is seen late by a thirtieth of its own time at most; and where a machine is so busy that
// batches take seconds, looking costs no more than where they take milliseconds.
class Patience {
 public:
  using Duration = std::chrono::steady_clock::duration;

  Duration pause() const {
    const Duration waited = std::chrono::steady_clock::now() - begin_;
    return std::clamp<Duration>(waited / 32, std::chrono::microseconds(20), std::chrono::milliseconds(5));
  }
  void wait() const { std::this_thread::sleep_for(pause()); }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// Long messages take both sides, and MPI_Send and MPI_Recv spin until the other side has a core: a scheduler's slice or
// more on a machine with more processes than cores.
void finish(MPI_Request& request) {
  int done = 0;
  for (const Patience patience; MPI_Test(&request, &done, MPI_STATUS_IGNORE), !done;) patience.wait();
}

std::string receive_text(MPI_Status& status) {
  int size = 0;
  MPI_Get_count(&status, MPI_CHAR, &size);
  std::string text(static_cast<std::size_t>(size), '\0');
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Irecv(text.data(), size, MPI_CHAR, status.MPI_SOURCE, status.MPI_TAG, MPI_COMM_WORLD, &request);
  finish(request);
  return text;
}

void send_text(int rank, int tag, const std::string& text) {
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Isend(text.data(), static_cast<int>(text.size()), MPI_CHAR, rank, tag, MPI_COMM_WORLD, &request);
  finish(request);
}

// This machine's cores, shared by the processes of the job that run on it.
int threads_here() {
  MPI_Comm here = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
  int processes = 1;
  MPI_Comm_size(here, &processes);
  MPI_Comm_free(&here);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / processes);
}

void replay_until_the_end(int threads) {
  Replayer replayer(threads);
  while (true) {
    MPI_Status status;
    int there = 0;
    for (const Patience patience; MPI_Iprobe(0, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &status), !there;) patience.wait();
    const std::string batch = receive_text(status);
    if (status.MPI_TAG == kEnd) return;
    send_text(0, kResults, replayer.answer(batch));
  }
}

// Worker 0 is a thread of this process; worker r is the process of rank r. Only the caller's thread speaks MPI.
class MpiPool final : public WorkerPool {
 public:
  MpiPool(int processes, int threads) : processes_(processes), own_([this, threads] { replay_here(threads); }) {}

  ~MpiPool() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    own_.join();
  }

  std::size_t size() const override { return static_cast<std::size_t>(processes_); }

  void send(std::size_t worker, const std::string& batch) override {
    if (worker > 0) return send_text(static_cast<int>(worker), kBatch, batch);
    {
      const std::lock_guard lock(mutex_);
      batch_ = batch;
      has_batch_ = true;
    }
    changed_.notify_all();
  }

  Answer receive() override {
    for (const Patience patience;;) {
      MPI_Status status;
      int there = 0;
      MPI_Iprobe(MPI_ANY_SOURCE, kResults, MPI_COMM_WORLD, &there, &status);
      if (there) {
        const auto worker = static_cast<std::size_t>(status.MPI_SOURCE);
        return {.worker = worker, .results = receive_text(status)};
      }
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, patience.pause(), [this] { return has_answer_; })) {
        has_answer_ = false;
        return {.worker = 0, .results = std::move(answer_)};
      }
    }
  }

 private:
  void replay_here(int threads) {
    Replayer replayer(threads);
    for (std::unique_lock lock(mutex_);;) {
      changed_.wait(lock, [this] { return has_batch_ || ended_; });
      if (ended_) return;
      has_batch_ = false;
      const std::string batch = std::move(batch_);
      lock.unlock();
      std::string answer = replayer.answer(batch);
      lock.lock();
      answer_ = std::move(answer);
      has_answer_ = true;
      changed_.notify_all();
    }
  }

  int processes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string batch_, answer_;
  bool has_batch_ = false, has_answer_ = false, ended_ = false;
  std::thread own_;  // last: it uses all of the above
};

// Whether a launcher has started this process as one of several; asking MPI itself would take a second when it has not.
bool launched() {
  for (const char* variable :
       {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "SLURM_STEP_NUM_TASKS", "MPI_LOCALNRANKS"}) {
    const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): before any thread is made
    if (value && std::string_view(value) != "1") return true;
  }
  return false;
}

}  // namespace

int with_mpi(const std::function<int()>& command) {
  if (!launched()) return command();
  int level = 0, processes = 1, rank = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level);
  MPI_Comm_size(MPI_COMM_WORLD, &processes);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const int threads = threads_here();
  int code = 0;
  if (processes == 1) {
    code = command();
  } else if (rank > 0) {
    replay_until_the_end(threads);
  } else {
    {
      const auto pool = std::make_shared<MpiPool>(processes, threads);
      set_evaluator_maker([pool](const RequestLimits& limits, int) -> std::unique_ptr<Evaluator> {
        return std::make_unique<PooledEvaluator>(limits, pool);
      });
      code = command();
      set_evaluator_maker({});
      if (pool->traffic.replays > 0) std::cerr << fmt::format("{} processes: {}\n", processes, pool->traffic.text());
    }
    for (int worker = 1; worker < processes; ++worker) send_text(worker, kEnd, "");
  }
  MPI_Finalize();
  return code;
}

const char* mpi_library() {
  static const std::string name = [] {
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int size = 0;
    MPI_Get_library_version(text, &size);
    return std::string(text, static_cast<std::size_t>(size)).substr(0, std::string_view(text).find_first_of(",\n"));
  }();
  return name.c_str();
}

}  // namespace switchyard
