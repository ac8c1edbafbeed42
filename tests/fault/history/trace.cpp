#include "tests/fault/history/trace.hpp"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

namespace pgtend::test {

namespace {

constexpr const char* kName = "trace";

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace

double Trace::value(int series, std::int64_t tick) {
  const auto dice = mix(static_cast<std::uint64_t>(series) * 1'000'003 + static_cast<std::uint64_t>(tick) + 1);
  switch (series % 5) {
    case 0:
      return series;
    case 1:  // moves every seventh tick
      return static_cast<double>(1'000 * series + tick / 7);
    case 2:  // counts on every tick
      return static_cast<double>(tick * 37 + static_cast<std::int64_t>(dice % 10));
    case 3:  // two decimals
      return static_cast<double>(dice % 100'000) / 100;
    default:
      return std::ldexp(static_cast<double>(dice >> 11), -53);
  }
}

SnapshotPtr Trace::snapshot_at(std::int64_t tick, UtcTime at) const {
  auto out = std::make_shared<Snapshot>();
  out->collector = kName;
  out->instance = "main";
  out->taken_at = at;
  out->interval = step_;
  for (int s = 0; s < series_; ++s)
    out->samples.push_back({SeriesKey{kName, {{"s", std::to_string(s)}}}, value(s, tick), MetricKind::gauge, 0});
  return out;
}

Result<TraceCheck> Trace::check(HistoryReader& reader, std::int64_t from, std::int64_t to) const {
  auto named = Matcher::make("__name__", MatchOp::equal, kName);
  if (!named) return fail(named.error());
  auto found = reader.select({*named}, {time(from), time(to)}, 100'000'000);
  if (!found) return fail(std::move(found.error()));
  std::map<std::string, const SeriesData*, std::less<>> by_label;
  for (const auto& data : *found) by_label.emplace(data.key.labels.get("s"), &data);
  TraceCheck out;
  for (int s = 0; s < series_; ++s) {
    std::int64_t there = 0;
    const auto data = by_label.find(std::to_string(s));
    std::int64_t expected = from;
    for (const auto& sample : data == by_label.end() ? std::vector<Sample>() : data->second->samples) {
      const auto since = (sample.time - start_).count();
      const auto tick = since / step_.count();
      // A marker says that nothing is known from here on, which is true of a gap.
      if (is_stale(sample.value)) continue;
      const bool right = since % step_.count() == 0 &&
                         std::bit_cast<std::uint64_t>(sample.value) == std::bit_cast<std::uint64_t>(value(s, tick));
      right ? ++out.right : ++out.wrong;
      if (since % step_.count() != 0) {
        ++out.coarse;
        continue;
      }
      if (tick != expected && (out.first_missing_tick < 0 || expected < out.first_missing_tick))
        out.first_missing_tick = expected;
      expected = tick + 1;
      ++there;
    }
    if (expected <= to && (out.first_missing_tick < 0 || expected < out.first_missing_tick))
      out.first_missing_tick = expected;
    out.missing += to - from + 1 - there;
  }
  return out;
}

std::uint32_t fault_seed() {
  if (const char* given = std::getenv("PGTEND_SEED"); given != nullptr)
    return static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10));
  return std::random_device{}();
}

int fault_rounds(int slice, int full) {
  const char* length = std::getenv("PGTEND_FAULT");
  return length != nullptr && std::string(length) == "full" ? full : slice;
}

void report_row(const std::string& row, const std::string& metric, const std::string& value, const std::string& goal,
                bool met) {
  const char* path = std::getenv("PGTEND_FAULT_REPORT");
  if (path == nullptr) return;
  std::ofstream(path, std::ios::app)
      << nlohmann::json{{"row", row}, {"metric", metric}, {"value", value}, {"goal", goal}, {"met", met}}.dump()
      << "\n";
}

store::HistoryOptions FaultStore::options(const std::string& path, std::int64_t max_bytes) {
  store::HistoryOptions out;
  out.path = path;
  out.max_bytes = max_bytes;
  return out;
}

Result<void> FaultStore::open(const store::HistoryOptions& options, const Clock& clock) {
  file.reset();
  auto opened = store::HistoryFile::open(options, [](std::function<void()> job) { job(); }, clock);
  if (!opened) return fail(std::move(opened.error()));
  file = std::move(*opened);
  return {};
}

Result<void> FaultStore::write(SnapshotPtr snapshot) {
  if (auto queued = file->append(std::move(snapshot)); !queued) return queued;
  auto done = file->commit();
  if (!done) return fail(std::move(done.error()));
  return {};
}

Result<TraceCheck> FaultStore::check(const Trace& trace, std::int64_t from, std::int64_t to) const {
  auto reader = file->reader();
  if (!reader) return fail(std::move(reader.error()));
  return trace.check(**reader, from, to);
}

}  // namespace pgtend::test
