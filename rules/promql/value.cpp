#include "rules/promql/value.hpp"

#include <cstdlib>

#include "agent/base/decimal.hpp"

namespace pgtend::promql {

namespace {

std::string time_text(UtcTime time) {
  const std::int64_t ms = to_ms(time);
  std::string out = std::to_string(ms / 1000);
  if (ms % 1000 != 0) {
    std::string fraction = std::to_string(std::abs(ms % 1000) + 1000).substr(1);
    while (fraction.back() == '0') fraction.pop_back();
    if (ms < 0 && ms > -1000) out = "-" + out;
    out += "." + fraction;
  }
  return out;
}

std::string at_text(double value, UtcTime time) {
  return decimal_text(value) + " @[" + time_text(time) + "]";
}

struct Printer {
  std::string operator()(const Scalar& scalar) const { return "scalar: " + at_text(scalar.value, scalar.time); }
  std::string operator()(const String& string) const { return string.value; }
  std::string operator()(const Vector& vector) const {
    std::string out;
    for (const auto& sample : vector) {
      if (!out.empty()) out += '\n';
      out += metric_text(sample.labels) + " => " + at_text(sample.value, sample.time);
    }
    return out;
  }
  std::string operator()(const Matrix& matrix) const {
    std::string out;
    for (const auto& series : matrix) {
      if (!out.empty()) out += '\n';
      out += metric_text(series.labels) + " =>";
      for (const auto& sample : series.samples) out += '\n' + at_text(sample.value, sample.time);
    }
    return out;
  }
};

}  // namespace

std::string metric_text(const Labels& labels) {
  const std::string name(labels.get("__name__"));
  if (name.empty()) return to_string(labels);
  Labels rest = labels;
  rest.erase("__name__");
  return to_string(SeriesKey{name, rest});
}

std::string to_string(const Value& value) {
  return std::visit(Printer{}, value);
}

}  // namespace pgtend::promql
