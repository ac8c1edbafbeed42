#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "agent/net/task.hpp"
#include "agent/store/history_file.hpp"
#include "tests/bench/history/commands.hpp"
#include "tests/bench/history/measure.hpp"

namespace pgtend::bench {

namespace {

// The time of the stream, which is far from the machine's when it is replayed flat out.
class StreamClock final : public Clock {
 public:
  void set(std::int64_t ms) { now_ = ms; }
  [[nodiscard]] UtcTime now() const override { return from_ms(now_); }
  [[nodiscard]] Deadline steady_now() const override { return Deadline(std::chrono::milliseconds(now_.load())); }

 private:
  std::atomic<std::int64_t> now_{0};
};

// Looks at the size of the files every 100 ms, as somebody who watches the disk would.
class FootprintWatch {
 public:
  FootprintWatch(std::string folder, std::string prefix)
      : thread_([this, folder = std::move(folder), prefix = std::move(prefix)] {
          while (!done_) {
            peak_ = std::max(peak_.load(), folder_bytes(folder, prefix));
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
          }
          cpu_ = thread_cpu();
        }) {}
  std::int64_t stop() {
    done_ = true;
    thread_.join();
    return peak_;
  }
  // Seconds this watch itself took; known after stop().
  [[nodiscard]] double cpu() const { return cpu_; }

 private:
  std::atomic<bool> done_{false};
  std::atomic<std::int64_t> peak_{0};
  std::atomic<double> cpu_{0};
  std::thread thread_;
};

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().describe());
  return std::move(*result);
}
void must(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().describe());
}

struct Replay {
  std::int64_t samples = 0, commits = 0;
  double making_cpu = 0, busy = 0;  // seconds
  std::vector<double> latencies;    // of commits, seconds
};

// Both targets' ticks of one second are one commit, as the agent's commit loop would have it.
void replay(Stream& stream, store::HistoryFile& file, StreamClock& clock, double pace, Replay& out) {
  const auto& ticks = stream.ticks();
  const double began = wall();
  std::vector<SnapshotPtr> held;
  for (std::size_t i = 0; i < ticks.size();) {
    const double cpu_before = thread_cpu();
    held.clear();
    const auto second = ticks[i].at / 1'000;
    for (; i < ticks.size() && ticks[i].at / 1'000 == second; ++i) {
      held.push_back(stream.snapshot(ticks[i]));
      out.samples += static_cast<std::int64_t>(held.back()->samples.size());
    }
    out.making_cpu += thread_cpu() - cpu_before;
    clock.set(to_ms(held.back()->taken_at));
    if (pace > 0) {
      const double due = began + static_cast<double>(out.commits) / pace;
      while (wall() < due) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    const double start = wall();
    for (const auto& snapshot : held) must(file.append(snapshot));
    must(file.commit());
    const double took = wall() - start;
    out.busy += took;
    out.latencies.push_back(took);
    ++out.commits;
  }
}

}  // namespace

nlohmann::json ingest(const Options& options) {
  Stream stream(stream_options(options));
  const auto path = text_option(options, "db");
  const auto folder = std::filesystem::path(path).parent_path().string();
  const auto prefix = std::filesystem::path(path).filename().string();
  const auto syncs = fdatasync_times(folder, 300);
  StreamClock clock;
  clock.set(stream.ticks().front().at);
  store::HistoryOptions history;
  history.path = path;
  history.max_bytes = 4LL << 30;
  // As in the daemon: blocks are encoded beside the store thread.
  net::asio::thread_pool workers(1);
  history.encode = [&workers](std::function<void()> job) { net::asio::post(workers, std::move(job)); };
  auto file = must(store::HistoryFile::open(history, [](std::function<void()> job) { job(); }, clock));
  FootprintWatch watch(folder, prefix);
  const double cpu_before = process_cpu(), wall_before = wall();
  const auto wrote_before = io_bytes("write_bytes"), asked_before = io_bytes("wchar");
  Replay result;
  replay(stream, *file, clock, static_cast<double>(number_option(options, "pace", 0)), result);
  // What is still in memory belongs to the work, as the others' flush and merge do.
  must(file->seal());
  const double cpu = process_cpu() - cpu_before;
  const auto peak = watch.stop();
  const auto wrote = io_bytes("write_bytes") - wrote_before, asked = io_bytes("wchar") - asked_before;
  const double took = wall() - wall_before;
  const auto rss = memory_bytes("VmHWM");
  file.reset();
  const auto samples = static_cast<double>(result.samples);
  const double own_cpu = cpu - result.making_cpu - watch.cpu();
  return {{"samples", result.samples},
          {"series", stream.series()},
          {"commits", result.commits},
          {"file_bytes", folder_bytes(folder, prefix)},
          {"peak_bytes", peak},
          {"cpu_us_per_sample", own_cpu * 1e6 / samples},
          {"samples_per_cpu_second", samples / own_cpu},
          {"samples_per_second", samples / result.busy},
          {"written_per_sample", static_cast<double>(wrote) / samples},
          {"asked_to_write_per_sample", static_cast<double>(asked) / samples},
          {"commit_p50_ms", quantile(result.latencies, 0.5) * 1e3},
          {"commit_p99_ms", quantile(result.latencies, 0.99) * 1e3},
          {"commit_max_ms", quantile(result.latencies, 1) * 1e3},
          {"fdatasync_p50_ms", quantile(syncs, 0.5) * 1e3},
          {"fdatasync_max_ms", quantile(syncs, 1) * 1e3},
          {"seconds", took},
          {"rss_peak_bytes", rss}};
}

}  // namespace pgtend::bench
