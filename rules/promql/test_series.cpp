#include "rules/promql/test_series.hpp"

#include <charconv>

#include "agent/base/strings.hpp"
#include "rules/promql/lexer.hpp"
#include "rules/promql/parse_error.hpp"
#include "rules/promql/parser.hpp"

namespace pgtend::promql {

namespace {

bool is_number_start(char c) {
  return (c >= '0' && c <= '9') || c == '.';
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

class ValueReader {
 public:
  ValueReader(std::string_view text, UtcTime start, Millis interval) : text_(text), next_(start), interval_(interval) {}

  Result<std::vector<Sample>> run() {
    while (skip_space(), at_ < text_.size()) {
      if (auto item_read = item(); !item_read) return fail(item_read.error());
      if (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != '\t' && text_[at_] != '\n') {
        return error("unexpected " + quote(text_.substr(at_, 1)) + " in series values, expected a space");
      }
    }
    return std::move(samples_);
  }

 private:
  tl::unexpected<Error> error(std::string_view message) { return fail(parse_error(text_, {at_, at_}, message)); }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }

  Result<void> emit(std::optional<double> value) {
    if (++count_ > kMaxTestValues) return error("more than " + std::to_string(kMaxTestValues) + " values");
    if (value) samples_.push_back({next_, *value});
    next_ += interval_;
    return {};
  }

  Result<void> item() {
    if (text_[at_] == '_') {
      ++at_;
      std::uint64_t times = 1;
      if (at_ < text_.size() && text_[at_] == 'x') {
        const auto read = count();
        if (!read) return fail(read.error());
        times = *read;
      }
      for (std::uint64_t i = 0; i < times; ++i) {
        if (auto emitted = emit(std::nullopt); !emitted) return emitted;
      }
      return {};
    }
    if (word(at_) == "stale") {
      at_ += 5;
      return emit(stale_marker());
    }
    const auto first = signed_number();
    if (!first) return fail(first.error());
    double step = 0;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) {
      const auto by = signed_number();
      if (!by) return fail(by.error());
      step = *by;
      if (at_ >= text_.size() || text_[at_] != 'x') return error("expected \"x\" and a count after the step");
    }
    std::uint64_t times = 0;
    if (at_ < text_.size() && text_[at_] == 'x') {
      const auto read = count();
      if (!read) return fail(read.error());
      times = *read;
    }
    // Repeated addition, not first + i * step: promtool's rounding.
    double value = *first;
    for (std::uint64_t i = 0; i <= times; ++i) {
      if (auto emitted = emit(value); !emitted) return emitted;
      value += step;
    }
    return {};
  }

  [[nodiscard]] std::string_view word(std::size_t at) const {
    std::size_t end = at;
    while (end < text_.size() && (is_word(text_[end]) || (text_[end] >= '0' && text_[end] <= '9'))) ++end;
    return text_.substr(at, end - at);
  }

  Result<std::uint64_t> count() {
    ++at_;
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (ec != std::errc()) return error("expected a whole number after \"x\"");
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  Result<double> signed_number() {
    double sign = 1;
    std::size_t at = at_;
    if (text_[at] == '+' || text_[at] == '-') sign = text_[at++] == '-' ? -1 : 1;
    std::size_t end = at;
    if (end < text_.size() && is_number_start(text_[end])) {
      while (end < text_.size() &&
             (is_number_start(text_[end]) || text_[end] == 'e' || text_[end] == 'E' ||
              ((text_[end] == '+' || text_[end] == '-') && (text_[end - 1] == 'e' || text_[end - 1] == 'E')))) {
        ++end;
      }
    } else {
      // The whole word: promtool refuses "NaNx5" too.
      end = at + word(at).size();
    }
    const std::string_view number = text_.substr(at, end - at);
    if (number.empty()) {
      at_ = at;
      return error("unexpected " + (at < text_.size() ? quote(text_.substr(at, 1)) : "end of input") +
                   " in series values, expected a number");
    }
    const auto value = number_value(number);
    if (!value) return error(value.error().message);
    at_ = end;
    return sign * *value;
  }

  std::string_view text_;
  UtcTime next_;
  Millis interval_;
  std::size_t at_ = 0;
  std::size_t count_ = 0;
  std::vector<Sample> samples_;
};

}  // namespace

Result<std::vector<Sample>> parse_test_values(std::string_view values, UtcTime start, Millis interval) {
  return ValueReader(values, start, interval).run();
}

Result<SeriesKey> parse_series_key(std::string_view text) {
  auto labels = parse_metric(text);
  if (!labels) return fail(labels.error());
  SeriesKey key;
  key.name = std::string(labels->get("__name__"));
  labels->erase("__name__");
  key.labels = std::move(*labels);
  return key;
}

Result<MemoryHistory> load_test_series(const std::vector<RuleTestSeries>& input, Millis interval) {
  MemoryHistory history;
  for (const auto& series : input) {
    const std::string where = "input series '" + series.series + "' (line " + std::to_string(series.line) + ")";
    auto key = parse_series_key(series.series);
    if (!key) return fail(key.error(), where);
    auto samples = parse_test_values(series.values, UtcTime{}, interval);
    if (!samples) return fail(samples.error(), where);
    if (auto added = history.add(std::move(*key), std::move(*samples)); !added) return fail(added.error(), where);
  }
  return history;
}

}  // namespace pgtend::promql
