#include "alerts/template_compare.hpp"

#include <algorithm>

namespace pgtend::alerts::templates {

namespace {

tl::unexpected<Error> no_comparison(const char* what) {
  return fail(Errc::invalid_argument, what);
}

bool is_basic(const Value& value) {
  return std::holds_alternative<bool>(value) || std::holds_alternative<std::int64_t>(value) ||
         std::holds_alternative<double>(value) || std::holds_alternative<std::string>(value);
}

Result<bool> equal(const Value& a, const Value& b) {
  if (std::holds_alternative<std::monostate>(a) || std::holds_alternative<std::monostate>(b))
    return a.index() == b.index();
  if (!is_basic(a) || !is_basic(b)) return no_comparison("non-comparable type");
  if (a.index() != b.index()) return no_comparison("incompatible types for comparison");
  if (const auto* x = std::get_if<bool>(&a)) return *x == std::get<bool>(b);
  if (const auto* x = std::get_if<std::int64_t>(&a)) return *x == std::get<std::int64_t>(b);
  if (const auto* x = std::get_if<double>(&a)) return *x == std::get<double>(b);
  return std::get<std::string>(a) == std::get<std::string>(b);
}

Result<bool> less(const Value& a, const Value& b) {
  if (!is_basic(a) || !is_basic(b)) return no_comparison("invalid type for comparison");
  if (a.index() != b.index()) return no_comparison("incompatible types for comparison");
  if (const auto* x = std::get_if<std::int64_t>(&a)) return *x < std::get<std::int64_t>(b);
  if (const auto* x = std::get_if<double>(&a)) return *x < std::get<double>(b);
  if (const auto* x = std::get_if<std::string>(&a)) return *x < std::get<std::string>(b);
  return no_comparison("invalid type for comparison");
}

Result<bool> less_or_equal(const Value& a, const Value& b) {
  const auto below = less(a, b);
  if (!below || *below) return below;
  return equal(a, b);
}

Result<bool> negated(Result<bool> answer) {
  if (answer) *answer = !*answer;
  return answer;
}

}  // namespace

Result<bool> compare(Comparison comparison, const std::vector<Value>& arguments) {
  const auto &a = arguments[0], &b = arguments[1];
  switch (comparison) {
    case Comparison::equal:
      for (std::size_t i = 1; i < arguments.size(); ++i)
        if (auto same = equal(a, arguments[i]); !same || *same) return same;
      return false;
    case Comparison::not_equal:
      return negated(equal(a, b));
    case Comparison::less:
      return less(a, b);
    case Comparison::less_equal:
      return less_or_equal(a, b);
    case Comparison::greater:
      return negated(less_or_equal(a, b));
    case Comparison::greater_equal:
      return negated(less(a, b));
  }
  return false;
}

}  // namespace pgtend::alerts::templates
