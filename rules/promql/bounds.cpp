#include "rules/promql/bounds.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "rules/promql/function.hpp"
#include "rules/promql/lookback.hpp"
#include "rules/promql/parser.hpp"

namespace pgtend::promql {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Known {
  std::string_view function;
  double low, high;
};
// Source: what the functions are defined to give.
constexpr std::array kKnown{Known{"absent", 1, 1},
                            Known{"absent_over_time", 1, 1},
                            Known{"present_over_time", 1, 1},
                            Known{"count_over_time", 1, kInf},
                            Known{"changes", 0, kInf},
                            Known{"resets", 0, kInf},
                            Known{"rate", 0, kInf},
                            Known{"irate", 0, kInf},
                            Known{"increase", 0, kInf},
                            Known{"stddev_over_time", 0, kInf},
                            Known{"stdvar_over_time", 0, kInf},
                            Known{"abs", 0, kInf},
                            Known{"sqrt", 0, kInf},
                            Known{"exp", 0, kInf},
                            Known{"sgn", -1, 1},
                            Known{"sin", -1, 1},
                            Known{"cos", -1, 1},
                            Known{"tanh", -1, 1},
                            Known{"minute", 0, 59},
                            Known{"hour", 0, 23},
                            Known{"day_of_week", 0, 6},
                            Known{"day_of_month", 1, 31},
                            Known{"day_of_year", 1, 366},
                            Known{"days_in_month", 28, 31},
                            Known{"month", 1, 12}};

// Whether a function's values are among those of its argument.
bool selects(std::string_view name) {
  constexpr std::array kSelecting{"avg_over_time", "min_over_time", "max_over_time", "last_over_time", "sort",
                                  "sort_desc",     "label_replace", "label_join",    "vector",         "scalar"};
  return std::find(kSelecting.begin(), kSelecting.end(), name) != kSelecting.end();
}

// a < b is b > a.
BinaryOp mirrored(BinaryOp comparison) {
  switch (comparison) {
    case BinaryOp::gt:
      return BinaryOp::lt;
    case BinaryOp::ge:
      return BinaryOp::le;
    case BinaryOp::lt:
      return BinaryOp::gt;
    case BinaryOp::le:
      return BinaryOp::ge;
    default:
      return comparison;
  }
}

Bounds both(const Bounds& a, const Bounds& b) {
  return {std::max(a.low, b.low), std::min(a.high, b.high), a.from_now};
}

// Those of `value` that a comparison with `limit` lets pass; low above high: none.
Bounds narrowed(const Bounds& value, BinaryOp comparison, const Bounds& limit) {
  if (value.from_now != limit.from_now) return value;
  switch (comparison) {
    case BinaryOp::gt:
      return both(value, {std::nextafter(limit.low, kInf), kInf});
    case BinaryOp::ge:
      return both(value, {limit.low, kInf});
    case BinaryOp::lt:
      return both(value, {-kInf, std::nextafter(limit.high, -kInf)});
    case BinaryOp::le:
      return both(value, {-kInf, limit.high});
    case BinaryOp::eq:
      return both(value, limit);
    default:
      return value;
  }
}

class Reader {
 public:
  explicit Reader(const EvalOptions& options) : options_(options) {}

  Bounds operator()(const Expr& expr) const {
    return std::visit([this](const auto& node) { return of(node); }, expr.node);
  }

 private:
  Bounds of(const NumberLiteral& node) const {
    return std::isnan(node.value) ? Bounds{} : Bounds{node.value, node.value};
  }
  Bounds of(const StringLiteral&) const { return {}; }
  Bounds of(const VectorSelector&) const { return {}; }
  Bounds of(const MatrixSelector&) const { return {}; }
  Bounds of(const Subquery& node) const {
    // The inner moments are others than the outer one.
    const Bounds inner = (*this)(*node.expr);
    return inner.from_now ? Bounds{} : inner;
  }
  Bounds of(const Paren& node) const { return (*this)(*node.expr); }
  Bounds of(const Unary& node) const {
    const Bounds inner = (*this)(*node.expr);
    if (!node.negative) return inner;
    return inner.from_now ? Bounds{} : Bounds{-inner.high, -inner.low};
  }

  Bounds of(const Aggregate& node) const {
    const Bounds inner = (*this)(*node.expr);
    switch (node.op) {
      case AggregateOp::count:
      case AggregateOp::count_values:
        return {1, kInf};
      case AggregateOp::group:
        return {1, 1};
      case AggregateOp::stddev:
      case AggregateOp::stdvar:
        return {0, kInf};
      case AggregateOp::sum:
        if (inner.from_now) return {};
        return {inner.low >= 0 ? inner.low : -kInf, inner.high <= 0 ? inner.high : kInf};
      case AggregateOp::quantile:
        return {};
      default:
        return inner;
    }
  }

  Bounds of(const Call& node) const {
    const auto name = node.function->name;
    if (name == "time") return {0, 0, true};
    if (name == "timestamp") return timestamp(unwrap(*node.args[0]));
    if (name == "clamp" || name == "clamp_min" || name == "clamp_max") return clamped(node);
    for (const auto& known : kKnown)
      if (known.function == name) return {known.low, known.high};
    return selects(name) && !node.args.empty() ? (*this)(*node.args[0]) : Bounds{};
  }

  Bounds timestamp(const Expr& of_what) const {
    const auto* selector = std::get_if<VectorSelector>(&of_what.node);
    if (selector == nullptr) return {0, 0, true};
    if (selector->at.kind != AtModifier::Kind::none) return {};
    const double offset = static_cast<double>(selector->offset.count()) / 1000.0;
    const double lookback = static_cast<double>(longest(*selector).count()) / 1000.0;
    return {-lookback - offset, -offset, true};
  }

  [[nodiscard]] Millis longest(const VectorSelector& selector) const {
    Millis out = options_.lookback;
    for (const auto& [metric, lookback] : longer_lookbacks(options_, selector)) out = std::max(out, lookback);
    return out;
  }

  Bounds clamped(const Call& node) const {
    Bounds out = (*this)(*node.args[0]);
    if (out.from_now) return {};
    const auto limit = [&](std::size_t i) { return (*this)(*node.args[i]); };
    if (node.function->name != "clamp_max") {
      out.low = std::max(out.low, limit(1).low);
      out.high = std::max(out.high, out.low);
    }
    if (node.function->name != "clamp_min") {
      out.high = std::min(out.high, limit(node.args.size() - 1).high);
      out.low = std::min(out.low, out.high);
    }
    return out;
  }

  Bounds of(const Binary& node) const {
    const Bounds left = (*this)(*node.lhs), right = (*this)(*node.rhs);
    if (is_comparison(node.op)) {
      if (node.return_bool) return {0, 1};
      return node.lhs->type == ValueType::scalar ? narrowed(right, mirrored(node.op), left)
                                                 : narrowed(left, node.op, right);
    }
    switch (node.op) {
      case BinaryOp::land:
      case BinaryOp::lunless:
        return left;
      case BinaryOp::lor:
        if (left.from_now != right.from_now) return {};
        return {std::min(left.low, right.low), std::max(left.high, right.high), left.from_now};
      case BinaryOp::add:
        if (left.from_now && right.from_now) return {};
        return {left.low + right.low, left.high + right.high, left.from_now || right.from_now};
      case BinaryOp::sub:
        if (right.from_now && !left.from_now) return {};
        return {left.low - right.high, left.high - right.low, left.from_now && !right.from_now};
      case BinaryOp::mul:
        return scaled(left, right);
      case BinaryOp::div:
        if (right.low != right.high || right.low == 0) return {};
        return scaled(left, {1 / right.low, 1 / right.low});
      default:
        return {};
    }
  }

  // One of the two must be a number.
  static Bounds scaled(const Bounds& left, const Bounds& right) {
    if (left.from_now || right.from_now) return {};
    if (left.low == left.high && right.low != right.high) return scaled(right, left);
    if (right.low != right.high || !std::isfinite(right.low) || right.low == 0) return {};
    const double a = left.low * right.low, b = left.high * right.low;
    return {std::min(a, b), std::max(a, b)};
  }

  const EvalOptions& options_;
};

// What the parts of a condition let pass of each expression that they look at, by its canonical text.
class Limits {
 public:
  explicit Limits(const EvalOptions& options) : options_(options) {}

  // `passed`: what is let pass of the value of `expr` itself.
  void add(const Expr& expr, const Bounds& passed = {}) {
    const Expr& inner = unwrap(expr);
    const auto* binary = std::get_if<Binary>(&inner.node);
    if (binary != nullptr && (binary->op == BinaryOp::land || binary->op == BinaryOp::lunless)) {
      add(*binary->lhs, passed);
      if (of_one_series(*binary)) add(*binary->rhs);
    } else if (binary != nullptr && is_comparison(binary->op) && !binary->return_bool) {
      const bool turned = binary->lhs->type == ValueType::scalar;
      const Bounds limit = bounds_of(turned ? *binary->lhs : *binary->rhs, options_);
      add(turned ? *binary->rhs : *binary->lhs, narrowed(passed, turned ? mirrored(binary->op) : binary->op, limit));
    } else {
      auto& known = of_[format(inner)];
      known = both(known, passed);
    }
  }
  [[nodiscard]] bool exclude(const Limits& other) const {
    return std::any_of(of_.begin(), of_.end(), [&](const auto& one) {
      const auto found = other.of_.find(one.first);
      if (found == other.of_.end()) return false;
      const Bounds left = both(one.second, found->second);
      return left.low > left.high;
    });
  }
  // Whether both sides look at series of the same labels, so that one expression has one value in them.
  static bool of_one_series(const Binary& binary) {
    return binary.op == BinaryOp::land && !binary.matching.on && binary.matching.labels.empty();
  }

 private:
  const EvalOptions& options_;
  std::map<std::string, Bounds> of_;
};

bool sides_exclude_each_other(const Binary& both_hold, const EvalOptions& options) {
  if (!Limits::of_one_series(both_hold)) return false;
  Limits left(options), right(options);
  left.add(*both_hold.lhs);
  right.add(*both_hold.rhs);
  return left.exclude(right);
}

}  // namespace

Bounds bounds_of(const Expr& expr, const EvalOptions& options) {
  return Reader(options)(expr);
}

bool never_holds(const Binary& comparison, const EvalOptions& options) {
  if (sides_exclude_each_other(comparison, options)) return true;
  if (!is_comparison(comparison.op) || comparison.return_bool) return false;
  const Bounds left = bounds_of(*comparison.lhs, options), right = bounds_of(*comparison.rhs, options);
  if (left.from_now != right.from_now) return false;
  const bool fixed = left.low == left.high && right.low == right.high && left.low == right.low;
  switch (comparison.op) {
    case BinaryOp::gt:
      return left.high <= right.low;
    case BinaryOp::ge:
      return left.high < right.low;
    case BinaryOp::lt:
      return left.low >= right.high;
    case BinaryOp::le:
      return left.low > right.high;
    case BinaryOp::eq:
      return left.high < right.low || left.low > right.high;
    case BinaryOp::ne:
      return fixed;
    default:
      return false;
  }
}

}  // namespace pgtend::promql
