#include "agent/model/matcher.hpp"

#include <re2/re2.h>

namespace pgtend {

Result<Matcher> Matcher::make(std::string label, MatchOp op, std::string value) {
  Matcher matcher;
  matcher.label_ = std::move(label);
  matcher.op_ = op;
  matcher.value_ = std::move(value);
  if (op == MatchOp::regex || op == MatchOp::not_regex) {
    RE2::Options options;
    options.set_log_errors(false);
    auto regex = std::make_shared<const RE2>("(?s:" + matcher.value_ + ")", options);
    if (!regex->ok()) return fail(Errc::parse, "bad regular expression \"" + matcher.value_ + "\": " + regex->error());
    matcher.regex_ = std::move(regex);
  }
  return matcher;
}

bool Matcher::matches(std::string_view text) const {
  switch (op_) {
    case MatchOp::equal:
      return text == value_;
    case MatchOp::not_equal:
      return text != value_;
    case MatchOp::regex:
      return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex_);
    case MatchOp::not_regex:
      return !RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex_);
  }
  return false;
}

bool Matcher::matches(const SeriesKey& key) const {
  return matches(label_ == "__name__" ? std::string_view(key.name) : key.labels.get(label_));
}

}  // namespace pgtend
