#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "agent/base/result.hpp"
#include "agent/model/series.hpp"

namespace re2 {
class RE2;
}

namespace pgtend {

enum class MatchOp { equal, not_equal, regex, not_regex };

// One label matcher; the metric name is the label "__name__". Regular expressions are RE2, anchored at both ends.
class Matcher {
 public:
  // Errors: parse (bad regular expression), not retryable.
  static Result<Matcher> make(std::string label, MatchOp op, std::string value);

  [[nodiscard]] bool matches(std::string_view label_value) const;
  // An absent label counts as the empty value.
  [[nodiscard]] bool matches(const SeriesKey& key) const;

  [[nodiscard]] const std::string& label() const { return label_; }
  [[nodiscard]] MatchOp op() const { return op_; }
  [[nodiscard]] const std::string& value() const { return value_; }

 private:
  Matcher() = default;
  std::string label_;
  MatchOp op_ = MatchOp::equal;
  std::string value_;
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace pgtend
