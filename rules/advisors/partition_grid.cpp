#include "rules/advisors/partition_grid.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "agent/base/units.hpp"

namespace pgtend::advisors {

namespace {

namespace chrono = std::chrono;

constexpr int kMostSteps = 1'000;
// Source: NAMEDATALEN 64 of PostgreSQL, less the terminator.
constexpr std::size_t kMaxNameBytes = 63;

struct Parts {
  int year = 0;
  unsigned month = 1, day = 1;
  Millis of_day{0};
};

Parts parts_of(UtcTime at) {
  const auto day = chrono::floor<chrono::days>(at);
  const chrono::year_month_day date(day);
  return {int(date.year()), unsigned(date.month()), unsigned(date.day()), chrono::duration_cast<Millis>(at - day)};
}

std::string text(const char* format, int a, int b = 0, int c = 0, int d = 0, int e = 0) {
  char out[64];
  std::snprintf(out, sizeof out, format, a, b, c, d, e);
  return out;
}

// How partitions are named in the wild, longest first: ours, pg_partman's, TimescaleDB's users'.
std::vector<std::string> spellings(UtcTime at) {
  const auto p = parts_of(at);
  const int y = p.year, m = static_cast<int>(p.month), d = static_cast<int>(p.day);
  const int hour = static_cast<int>(p.of_day.count() / 3'600'000),
            minute = static_cast<int>(p.of_day.count() / 60'000 % 60);
  return {text("%04d%02d%02d_%02d%02d00", y, m, d, hour, minute),
          text("%04d_%02d_%02d_%02d%02d", y, m, d, hour, minute),
          text("%04d%02d%02d_%02d%02d", y, m, d, hour, minute),
          text("%04d_%02d_%02d_%02d", y, m, d, hour),
          text("%04d%02d%02d_%02d", y, m, d, hour),
          text("%04d%02d%02d%02d", y, m, d, hour),
          text("%04d_%02d_%02d", y, m, d),
          text("%04d%02d%02d", y, m, d),
          text("%04d_%02d", y, m),
          text("%04d%02d", y, m),
          text("%04d", y)};
}

}  // namespace

UtcTime moved(UtcTime at, const Period& period, int times) {
  if (period.months == 0) return at + period.time * times;
  const auto p = parts_of(at);
  const auto date =
      chrono::year_month(chrono::year(p.year), chrono::month(p.month)) + chrono::months(period.months * times);
  return chrono::sys_days(date / chrono::day(p.day)) + p.of_day;
}

Period between(UtcTime from, UtcTime to) {
  const auto a = parts_of(from), b = parts_of(to);
  // Later days are not in every month.
  constexpr unsigned kLastDay = 28;
  if (a.day == b.day && a.of_day == b.of_day && a.day <= kLastDay)
    return {(b.year - a.year) * 12 + static_cast<int>(b.month) - static_cast<int>(a.month), Millis(0)};
  return {0, chrono::duration_cast<Millis>(to - from)};
}

std::string describe(const Period& period) {
  if (period.months == 1) return "a month";
  if (period.months > 1) return std::to_string(period.months) + " months";
  return format_duration(period.time);
}

std::vector<const PartitionFact*> bounded(const PartitionedTableFact& table) {
  std::vector<const PartitionFact*> out;
  for (const auto& one : table.partitions)
    if (!one.is_default && one.from_at && one.to_at && *one.from_at < *one.to_at) out.push_back(&one);
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return *a->to_at < *b->to_at; });
  return out;
}

std::optional<Period> period_of(const std::vector<const PartitionFact*>& parts) {
  if (parts.size() < 2) return std::nullopt;
  const auto last = between(*parts.back()->from_at, *parts.back()->to_at);
  const auto looked_at = std::min<std::size_t>(3, parts.size());
  for (std::size_t i = parts.size() - looked_at; i < parts.size(); ++i)
    if (between(*parts[i]->from_at, *parts[i]->to_at) != last) return std::nullopt;
  return last;
}

std::optional<Cell> cell_of(UtcTime at, UtcTime anchor, const Period& period) {
  int step = 0;
  while (at >= moved(anchor, period, step + 1) && step < kMostSteps) ++step;
  while (at < moved(anchor, period, step) && step > -kMostSteps) --step;
  const Cell out{moved(anchor, period, step), moved(anchor, period, step + 1)};
  if (at < out.from || at >= out.to) return std::nullopt;
  return out;
}

std::string bound_text(UtcTime at, const std::string& key_type) {
  const auto p = parts_of(at);
  std::string out = text("%04d-%02d-%02d", p.year, static_cast<int>(p.month), static_cast<int>(p.day));
  if (key_type == "date") return out;
  const auto seconds = static_cast<int>(p.of_day.count() / 1'000);
  out += text(" %02d:%02d:%02d", seconds / 3'600, seconds / 60 % 60, seconds % 60);
  return key_type == "timestamp with time zone" ? out + "+00" : out;
}

std::string partition_name(const PartitionedTableFact& table, const std::vector<const PartitionFact*>& parts,
                           UtcTime from) {
  const auto is_taken = [&](const std::string& name) {
    return std::any_of(table.partitions.begin(), table.partitions.end(),
                       [&](const PartitionFact& one) { return one.name == name; });
  };
  const auto fits = [&](const std::string& name) { return name.size() <= kMaxNameBytes && !is_taken(name); };
  const auto wanted = spellings(from);
  const auto& last = *parts.back();
  const auto& before = *parts[parts.size() - 2];
  const auto of_last = spellings(*last.from_at), of_before = spellings(*before.from_at);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto at = last.name.rfind(of_last[i]);
    if (at == std::string::npos) continue;
    const auto head = last.name.substr(0, at), tail = last.name.substr(at + of_last[i].size());
    // Two neighbours say that it is the date and no number that looks like one.
    if (before.name != head + of_before[i] + tail) continue;
    if (const auto name = head + wanted[i] + tail; fits(name)) return name;
  }
  const auto p = parts_of(from);
  std::string name =
      table.name + "_p" + text("%04d%02d%02d", p.year, static_cast<int>(p.month), static_cast<int>(p.day));
  if (p.of_day != Millis(0))
    name += text("_%02d%02d", static_cast<int>(p.of_day.count() / 3'600'000),
                 static_cast<int>(p.of_day.count() / 60'000 % 60));
  return fits(name) ? name : std::string();
}

}  // namespace pgtend::advisors
