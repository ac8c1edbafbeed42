#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "agent/change/verify/evidence.hpp"

// Statement counters of the history as windows that can be compared.
namespace pgtend::change {
namespace {

enum Column : std::size_t { calls, seconds, rows, hit, read, wal, deviation, kColumns };
constexpr std::array<std::string_view, kColumns> kMetrics{
    "pgtend_statements_calls_total",
    "pgtend_statements_exec_seconds_total",
    "pgtend_statements_rows_total",
    "pgtend_statements_shared_blocks_hit_total",
    "pgtend_statements_shared_blocks_read_total",
    "pgtend_statements_wal_bytes_total",
    "pgtend_statements_exec_seconds_stddev",
};
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
// A count this many times what was added since cannot be that of an entry that was thrown out and made anew in between,
// unless the statement ran eleven times as often as it seems.
constexpr double kOldEntry = 10;
// Of the targets' time: a statement with less does not cost a window. Source: as VerifyOptions::veto_share.
constexpr double kLeastShare = 0.01;
// Evictions are sampled each five minutes; one sample on either side is needed.
constexpr Millis kEvictionReach{600'000};

// What the collector saw of one statement of one user at one time, side by side.
struct Reading {
  UtcTime at;
  std::array<double, kColumns> value;
  bool starts_epoch = false;
};
using Line = std::vector<Reading>;

double known(double value) {
  return is_stale(value) ? kUnknown : value;
}

void add_column(std::map<Labels, Line>& lines, const SeriesData& series, Column column) {
  if (column == calls) {
    auto& line = lines[series.key.labels];
    for (const auto& sample : series.samples) {
      line.push_back({sample.time, {}, false});
      line.back().value.fill(kUnknown);
    }
  }
  const auto found = lines.find(series.key.labels);
  if (found == lines.end()) return;
  auto at = found->second.begin();
  auto epoch = series.epoch_starts.begin();
  for (std::size_t i = 0; i < series.samples.size(); ++i) {
    const auto& sample = series.samples[i];
    while (epoch != series.epoch_starts.end() && *epoch < i) ++epoch;
    while (at != found->second.end() && at->at < sample.time) ++at;
    if (at == found->second.end()) return;
    if (at->at != sample.time) continue;
    at->value[column] = known(sample.value);
    at->starts_epoch = at->starts_epoch || (epoch != series.epoch_starts.end() && *epoch == i);
  }
}

Result<std::vector<SeriesData>> select(HistoryReader& reader, std::string_view metric,
                                       const std::vector<std::array<std::string, 2>>& labels,
                                       const std::string& id_pattern, TimeRange range) {
  std::vector<Matcher> matchers;
  auto add = [&](Result<Matcher> matcher) -> Result<void> {
    if (!matcher) return fail(std::move(matcher.error()));
    matchers.push_back(std::move(*matcher));
    return {};
  };
  if (auto ok = add(Matcher::make("__name__", MatchOp::equal, std::string(metric))); !ok) return fail(ok.error());
  for (const auto& [name, value] : labels)
    if (auto ok = add(Matcher::make(name, MatchOp::equal, value)); !ok) return fail(ok.error());
  if (!id_pattern.empty())
    if (auto ok = add(Matcher::make("queryid", MatchOp::regex, id_pattern)); !ok) return fail(ok.error());
  return reader.select(matchers, range, kMaxSamples);
}

// Stretches in which pg_stat_statements threw entries out. A server that does not count that (13) has none.
Result<std::vector<TimeRange>> evictions(HistoryReader& reader, TimeRange range) {
  auto found = select(reader, "pgtend_statements_evictions_total", {}, "",
                      {range.from - kEvictionReach, range.to + kEvictionReach});
  if (!found) return fail(std::move(found.error()), "read evictions");
  std::vector<TimeRange> out;
  for (const auto& series : *found)
    for (std::size_t i = 1; i < series.samples.size(); ++i)
      if (series.samples[i].value != series.samples[i - 1].value)
        out.push_back({series.samples[i - 1].time, series.samples[i].time});
  return out;
}

class Windows {
 public:
  Windows(TimeRange range, Millis window, std::vector<TimeRange> evicted)
      : range_(range), window_(window), longest_(std::max(kLongestGap, window * 3)), evicted_(std::move(evicted)) {}

  void add(std::int64_t id, const Line& line) {
    for (std::size_t i = 1; i < line.size(); ++i) {
      const auto &was = line[i - 1], &is = line[i];
      if (is.at - was.at > longest_ || !comparable(was, is)) continue;
      const std::int64_t number = (is.at - range_.from) / window_;
      if (is.starts_epoch || fell(was, is) || maybe_made_anew(was, is))
        resets_.insert({number, id});
      else
        add_difference(at(number).statements[id], was, is);
    }
  }

  std::vector<StatementWindow> finish(const std::vector<std::int64_t>& targets) {
    mark(targets);
    std::vector<StatementWindow> out;
    for (auto& [number, each] : windows_) {
      std::erase_if(each.statements, [](const auto& entry) { return entry.second.calls <= 0; });
      if (each.reset) each.statements.clear();
      if (each.reset || !each.statements.empty()) out.push_back(std::move(each));
    }
    return out;
  }

 private:
  StatementWindow& at(std::int64_t number) {
    auto& mine = windows_[number];
    mine.start = range_.from + number * window_;
    mine.length = window_;
    return mine;
  }

  // The same columns were seen at both times, calls among them.
  static bool comparable(const Reading& was, const Reading& is) {
    bool out = !std::isnan(was.value[calls]) && !std::isnan(is.value[calls]);
    for (std::size_t i = 0; i < kColumns; ++i) out = out && std::isnan(was.value[i]) == std::isnan(is.value[i]);
    return out;
  }
  // One counter that fell makes the others of the statement worthless too: they may have passed what they were.
  static bool fell(const Reading& was, const Reading& is) {
    for (std::size_t i = 0; i < deviation; ++i)
      if (is.value[i] < was.value[i]) return true;
    return false;
  }
  bool maybe_made_anew(const Reading& was, const Reading& is) const {
    if (was.value[calls] >= kOldEntry * (is.value[calls] - was.value[calls])) return false;
    return std::any_of(evicted_.begin(), evicted_.end(),
                       [&](const TimeRange& each) { return each.from < is.at && each.to > was.at; });
  }

  // Sum of the squared times of all calls so far, in s²: n (σ² + mean²). Its differences add up as those of counters
  // do, which is what the parallel-variance identity comes to.
  static double squares(const Reading& reading) {
    const double n = reading.value[calls];
    const double mean = n > 0 ? reading.value[seconds] / n : 0;
    return n * (reading.value[deviation] * reading.value[deviation] + mean * mean);
  }

  static void add_difference(StatementCounts& to, const Reading& was, const Reading& is) {
    const auto rise = [&](std::size_t column) {
      const double out = is.value[column] - was.value[column];
      return std::isnan(out) ? 0 : out;
    };
    to.calls += rise(calls);
    to.exec_ms += rise(seconds) * 1000;
    to.rows += rise(rows);
    to.buffers += rise(hit) + rise(read);
    to.wal_bytes += rise(wal);
    const double squared = (squares(is) - squares(was)) * 1e6;
    if (squared > 0) to.exec_squares += squared;
  }

  // A window in which a target of weight lost its counters would show the others only. Of a control its part is left
  // out, as if it had not run.
  void mark(const std::vector<std::int64_t>& targets) {
    std::map<std::int64_t, double> time;
    double all = 0;
    for (const auto& [number, each] : windows_)
      for (const auto id : targets)
        if (const auto it = each.statements.find(id); it != each.statements.end()) {
          time[id] += it->second.exec_ms;
          all += it->second.exec_ms;
        }
    for (const auto& [number, id] : resets_) {
      const bool is_target = std::find(targets.begin(), targets.end(), id) != targets.end();
      if (is_target && time[id] >= kLeastShare * all) at(number).reset = true;
    }
  }

  TimeRange range_;
  Millis window_, longest_;
  std::vector<TimeRange> evicted_;
  std::map<std::int64_t, StatementWindow> windows_;
  std::set<std::pair<std::int64_t, std::int64_t>> resets_;  // window, statement
};

}  // namespace

Result<std::vector<StatementWindow>> statement_windows(HistoryReader& reader, const std::string& database,
                                                       const StatementSets& sets, TimeRange range, Millis window) {
  std::string pattern;
  for (const auto* ids : {&sets.targets, &sets.controls})
    for (const auto id : *ids) pattern += (pattern.empty() ? "" : "|") + std::to_string(id);
  if (pattern.empty() || window.count() <= 0 || range.to <= range.from) return std::vector<StatementWindow>();
  std::map<Labels, Line> lines;
  for (std::size_t column = 0; column < kColumns; ++column) {
    auto found = select(reader, kMetrics[column], {{"datname", database}}, pattern, range);
    if (!found) return fail(std::move(found.error()), "read statements");
    for (const auto& series : *found) add_column(lines, series, static_cast<Column>(column));
  }
  auto evicted = evictions(reader, range);
  if (!evicted) return fail(std::move(evicted.error()));
  Windows windows(range, window, std::move(*evicted));
  for (const auto& [labels, line] : lines)
    if (const auto id = statement_id(labels)) windows.add(*id, line);
  return windows.finish(sets.targets);
}

}  // namespace pgtend::change
