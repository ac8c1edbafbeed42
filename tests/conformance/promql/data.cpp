#include "tests/conformance/promql/data.hpp"

#include <functional>
#include <optional>

namespace pgtend::test {

namespace {

using Shape = std::function<std::optional<double>(int)>;

constexpr int kSamples = 241;

StoredSeries series(const std::string& name, Labels labels, const Shape& shape, int jitter_ms = 0) {
  StoredSeries out{{name, std::move(labels)}, {}};
  for (int i = 0; i < kSamples; ++i) {
    const auto value = shape(i);
    if (!value) continue;
    const std::int64_t jitter = jitter_ms == 0 ? 0 : (i * 7919) % jitter_ms;
    out.samples.push_back({UtcTime(Millis((kDataStart + i * 15) * 1000 + jitter)), *value});
  }
  return out;
}

}  // namespace

Dataset conformance_data() {
  Dataset out;
  out.push_back(series("c", {{"a", "1"}, {"b", "x"}}, [](int i) { return 10.0 * i; }));
  out.push_back(series("c", {{"a", "2"}, {"b", "x"}}, [](int i) { return 7.0 * (i % 50); }));
  out.push_back(
      series("c", {{"a", "2"}, {"b", "y"}}, [](int i) { return i % 60 < 25 ? std::nullopt : std::optional(3.0 * i); }));
  out.push_back(series("c", {{"a", "3"}}, [](int i) { return i < 100 ? std::nullopt : std::optional(i - 95.0); }));
  out.push_back(series("g", {{"a", "1"}}, [](int i) { return 1.0 + i % 9; }));
  out.push_back(series("g", {{"a", "2"}, {"b", "y"}}, [](int i) { return i % 7 - 3.0; }, 4000));
  out.push_back(series("g", {{"a", "3"}, {"b", "x"}}, [](int i) { return -0.25 * (i % 13); }, 9000));
  out.push_back(series("x", {{"a", "1"}}, [](int i) { return 1.0 * i; }));
  out.push_back(series("x", {{"a", "2"}}, [](int i) { return 500.0 - 2 * i; }, 300));
  out.push_back(series("x", {{"a", "10"}}, [](int i) { return 2.0 + i % 2; }));
  // So large that the order of adding shows.
  out.push_back(series("big", {{"a", "1"}}, [](int i) { return i < 120 ? 1e15 + 1234.6 * i : 1.7 * (i % 30); }));
  out.push_back(series("big", {{"a", "2"}}, [](int i) { return i % 40 == 39 ? 0.25 : 1e300 * (i % 40); }));
  out.push_back(series("late", {{"a", "1"}}, [](int i) { return i < 200 ? std::nullopt : std::optional(8.0); }));
  out.push_back(series("ended", {{"a", "1"}}, [](int i) { return i > 40 ? std::nullopt : std::optional(2.0 * i); }));
  out.push_back(series("info", {{"a", "1"}, {"version", "7"}}, [](int) { return 1.0; }));
  out.push_back(series("info", {{"a", "2"}, {"version", "8"}}, [](int) { return 1.0; }));
  out.push_back(series("info", {{"a", "3"}, {"version", "8"}}, [](int) { return 1.0; }));
  for (const std::string a : {"1", "2"}) {
    const double by = a == "1" ? 1 : 3;
    const std::pair<const char*, double> buckets[] = {{"0.1", 1}, {"0.5", 2}, {"1", 4}, {"5", 4}, {"+Inf", 5}};
    for (const auto& [le, part] : buckets) {
      const double step = by * part;
      out.push_back(series("h_bucket", {{"a", a}, {"le", le}}, [step](int i) { return step * i; }));
    }
  }
  return out;
}

}  // namespace pgtend::test
