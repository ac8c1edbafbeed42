#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// A store thread as the engine has one.
class StoreThread {
 public:
  StoreThread() : thread_([this] { run(); }) {}
  ~StoreThread() {
    post({});
    thread_.join();
  }
  void post(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    wake_.notify_one();
  }

 private:
  void run() {
    while (true) {
      std::function<void()> job;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return !jobs_.empty(); });
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      if (!job) return;
      job();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("threads append, commit and read at once, and a flushed sample is always seen") {
  TempDir dir;
  FakeClock clock;
  StoreThread store_thread;
  auto opened = store::HistoryFile::open(
      {dir.file("history.db"), Millis(3'600'000'000), 64 << 20, 10'000},
      [&](std::function<void()> job) { store_thread.post(std::move(job)); }, clock);
  REQUIRE(opened);
  auto& file = **opened;
  constexpr int kThreads = 3, kRounds = 40;
  std::atomic<int> missing{0}, failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto name = "g" + std::to_string(t);
      auto reader = file.reader();
      if (!reader) {
        ++failed;
        return;
      }
      for (int i = 0; i < kRounds; ++i) {
        // A new series each time, so that the shared index changes too.
        if (!file.append(snapshot(name, clock.now() + Millis(i), {gauge(name, {{"i", std::to_string(i)}}, i)})))
          ++failed;
        if (!file.flush()) ++failed;
        (void)file.stats();
        const auto seen = (*reader)->select({named(name), *Matcher::make("i", MatchOp::equal, std::to_string(i))},
                                            {clock.now() + Millis(i), clock.now() + Millis(i)}, 10);
        if (!seen) {
          ++failed;
        } else if (seen->size() != 1) {
          ++missing;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(failed == 0);
  REQUIRE(missing == 0);
  REQUIRE(file.stats().series == kThreads * kRounds);
}
