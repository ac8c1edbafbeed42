#include "agent/change/verify/evidence.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>

namespace pgtend::change {
namespace {

struct Field {
  std::string_view metric;
  double StatementCounts::* member;
  double scale;
};
constexpr std::array<Field, 6> kFields{{{"pgtend_statements_calls_total", &StatementCounts::calls, 1},
                                        {"pgtend_statements_exec_seconds_total", &StatementCounts::exec_ms, 1000},
                                        {"pgtend_statements_rows_total", &StatementCounts::rows, 1},
                                        {"pgtend_statements_shared_blocks_hit_total", &StatementCounts::buffers, 1},
                                        {"pgtend_statements_shared_blocks_read_total", &StatementCounts::buffers, 1},
                                        {"pgtend_statements_wal_bytes_total", &StatementCounts::wal_bytes, 1}}};

using Visit = std::function<void(const SeriesKey&, std::int64_t id, UtcTime at, double amount)>;

void visit_differences(const SeriesData& series, std::int64_t id, double scale, Millis longest, const Visit& visit) {
  auto epoch = series.epoch_starts.begin();
  for (std::size_t i = 1; i < series.samples.size(); ++i) {
    while (epoch != series.epoch_starts.end() && *epoch < i) ++epoch;
    if (epoch != series.epoch_starts.end() && *epoch == i) continue;
    const auto &was = series.samples[i - 1], &is = series.samples[i];
    if (is_stale(was.value) || is_stale(is.value) || is.value < was.value || is.time - was.time > longest) continue;
    visit(series.key, id, is.time, (is.value - was.value) * scale);
  }
}

Result<void> visit_all(HistoryReader& reader, const std::string& database, TimeRange range, Millis window,
                       const std::function<Visit(const Field&)>& visitor) {
  const auto longest = std::max(kLongestGap, window * 3);
  for (const auto& field : kFields) {
    std::vector<Matcher> matchers;
    auto name = Matcher::make("__name__", MatchOp::equal, std::string(field.metric));
    auto where = Matcher::make("datname", MatchOp::equal, database);
    if (!name) return fail(std::move(name.error()));
    if (!where) return fail(std::move(where.error()));
    matchers.push_back(std::move(*name));
    matchers.push_back(std::move(*where));
    auto found = reader.select(matchers, range, kMaxSamples);
    if (!found) return fail(std::move(found.error()), "read statements");
    const auto visit = visitor(field);
    for (const auto& series : *found)
      if (const auto id = statement_id(series.key.labels)) visit_differences(series, *id, field.scale, longest, visit);
  }
  return {};
}

nlohmann::json set_json(const std::vector<StatementWindow>& windows, const std::vector<std::int64_t>& ids) {
  StatementCounts sum;
  for (const auto& window : windows)
    for (const auto id : ids)
      if (const auto it = window.statements.find(id); it != window.statements.end())
        for (const auto member : {&StatementCounts::calls, &StatementCounts::buffers, &StatementCounts::exec_ms,
                                  &StatementCounts::wal_bytes})
          sum.*member += it->second.*member;
  const double calls = std::max(1.0, sum.calls);
  return {{"statements", ids.size()},
          {"calls", sum.calls},
          {"buffers_per_call", sum.buffers / calls},
          {"ms_per_call", sum.exec_ms / calls},
          {"wal_bytes_per_call", sum.wal_bytes / calls}};
}

}  // namespace

std::optional<std::int64_t> statement_id(const Labels& labels) {
  const auto text = labels.get("queryid");
  std::int64_t id = 0;
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, id);
  if (text.empty() || error != std::errc() || at != end) return std::nullopt;
  return id;
}

Result<std::map<std::int64_t, StatementTotals>> statement_totals(HistoryReader& reader, const std::string& database,
                                                                 TimeRange range, Millis window) {
  std::map<std::int64_t, StatementTotals> out;
  const auto visitor = [&](const Field& field) -> Visit {
    return [&out, member = field.member](const SeriesKey& key, std::int64_t id, UtcTime, double amount) {
      auto& totals = out[id];
      totals.counts.*member += amount;
      const std::string user(key.labels.get("usename"));
      if (std::find(totals.users.begin(), totals.users.end(), user) == totals.users.end()) totals.users.push_back(user);
    };
  };
  if (auto read = visit_all(reader, database, range, window, visitor); !read) return fail(std::move(read.error()));
  return out;
}

std::string evidence_json(const std::vector<StatementWindow>& windows, const StatementSets& sets) {
  nlohmann::json out;
  out["windows"] = windows.size();
  if (!windows.empty()) {
    out["from"] = to_rfc3339(windows.front().start);
    out["to"] = to_rfc3339(windows.back().start + windows.back().length);
  }
  out["target"] = set_json(windows, sets.targets);
  out["writes"] = set_json(windows, sets.writes);
  out["control"] = set_json(windows, sets.controls);
  return out.dump();
}

}  // namespace pgtend::change
