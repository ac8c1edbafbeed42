#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>

#include "agent/model/regex.hpp"
#include "rules/promql/functions.hpp"
#include "rules/promql/lexer.hpp"
#include "rules/promql/numeric.hpp"
#include "rules/promql/query.hpp"

namespace pgtend::promql::functions {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// What is known of the labels of a series that is not there: the labels its selector fixes exactly once.
Labels labels_of_absent(const Expr& expr) {
  const auto* selector = std::get_if<VectorSelector>(&expr.node);
  if (const auto* matrix = std::get_if<MatrixSelector>(&expr.node)) {
    selector = std::get_if<VectorSelector>(&matrix->selector->node);
  }
  Labels out;
  if (selector == nullptr) return out;
  std::set<std::string> seen;
  for (const auto& matcher : selector->matchers) {
    if (matcher.label() == "__name__") continue;
    if (matcher.op() == MatchOp::equal && seen.insert(matcher.label()).second) {
      out.set(matcher.label(), matcher.value());
    } else {
      out.erase(matcher.label());
    }
  }
  return out;
}

Elements one(Query& query, Labels labels, double value) {
  return {{query.labels().intern(std::move(labels)), value}};
}

// NaN goes last in either direction; equal values keep their order.
Result<Elements> sorted(Query& query, const Call& call, UtcTime at, bool descending) {
  auto elements = query.vector(*call.args[0], at);
  if (!elements) return elements;
  std::stable_sort(elements->begin(), elements->end(), [descending](const Element& a, const Element& b) {
    if (std::isnan(a.value) || std::isnan(b.value)) return !std::isnan(a.value) && std::isnan(b.value);
    return descending ? a.value > b.value : a.value < b.value;
  });
  return elements;
}

bool can_be_label(const Query& query, std::string_view name) {
  return query.options().left_open ? is_utf8_name(name) : is_label_name(name);
}

const std::string& text_of(const Expr& expr) {
  return std::get<StringLiteral>(unwrap(expr).node).value;
}

}  // namespace

Result<Elements> absent(Query& query, const Call& call, UtcTime at) {
  const auto elements = query.vector(*call.args[0], at);
  if (!elements) return elements;
  if (!elements->empty()) return Elements();
  return one(query, labels_of_absent(unwrap(*call.args[0])), 1);
}

Result<Elements> absent_over_time(Query& query, const Call& call, UtcTime at) {
  const auto series = query.windows(*call.args[0], at);
  if (!series) return fail(series.error());
  if (!series->empty()) return Elements();
  return one(query, labels_of_absent(unwrap(*call.args[0])), 1);
}

Result<Elements> clamp(Query& query, const Call& call, UtcTime at) {
  auto elements = query.vector(*call.args[0], at);
  if (!elements) return elements;
  const auto least = query.scalar(*call.args[1], at);
  if (!least) return fail(least.error());
  const auto most = query.scalar(*call.args[2], at);
  if (!most) return fail(most.error());
  if (*most < *least) return Elements();
  for (auto& element : *elements) {
    element = {query.labels().without_name(element.labels), go_max(*least, go_min(*most, element.value))};
  }
  return elements;
}

namespace {

// Of a label that a function makes: each call could otherwise make it many times longer. Source: the longest text that
// an expression can give.
constexpr std::size_t kLongestLabel = kMaxExpressionBytes;

// `make` gives the new value of the label `target`, nullopt: it stays as it is.
template <class Make>
Result<Elements> relabelled(Query& query, const Call& call, Elements elements, const std::string& target, Make make) {
  bool too_long = false;
  for (auto& element : elements) {
    element.labels = query.labels().derive(&call, element.labels, [&](Labels labels) {
      auto value = make(labels);
      too_long = too_long || (value && value->size() > kLongestLabel);
      if (value && !too_long) labels.set(target, std::move(*value));
      return labels;
    });
    if (too_long)
      return fail(Errc::resource_exhausted, std::string(call.function->name) + "() would make a label of more than " +
                                                std::to_string(kLongestLabel) + " bytes");
    if (auto may = query.check(); !may) return fail(may.error());
  }
  return elements;
}

}  // namespace

Result<Elements> label_join(Query& query, const Call& call, UtcTime at) {
  const std::string& target = text_of(*call.args[1]);
  const std::string& separator = text_of(*call.args[2]);
  if (!can_be_label(query, target)) {
    return fail(Errc::invalid_argument, "invalid destination label name in label_join(): " + target);
  }
  std::vector<std::string> sources;
  for (std::size_t i = 3; i < call.args.size(); ++i) {
    sources.push_back(text_of(*call.args[i]));
    if (!can_be_label(query, sources.back())) {
      return fail(Errc::invalid_argument, "invalid source label name in label_join(): " + sources.back());
    }
  }
  auto elements = query.vector(*call.args[0], at);
  if (!elements) return elements;
  const auto join = [&](const Labels& labels) -> std::optional<std::string> {
    std::string joined;
    for (std::size_t i = 0; i < sources.size() && joined.size() <= kLongestLabel; ++i) {
      if (i > 0) joined += separator;
      joined += labels.get(sources[i]);
    }
    return joined;
  };
  return relabelled(query, call, std::move(*elements), target, join);
}

Result<Elements> label_replace(Query& query, const Call& call, UtcTime at) {
  const std::string& target = text_of(*call.args[1]);
  const std::string& replacement = text_of(*call.args[2]);
  const std::string& source = text_of(*call.args[3]);
  const std::string& pattern = text_of(*call.args[4]);
  const auto regex = Regex::make(pattern);
  if (!regex) {
    return fail(Errc::invalid_argument, "invalid regular expression in label_replace(): " + pattern);
  }
  if (!can_be_label(query, target)) {
    return fail(Errc::invalid_argument, "invalid destination label name in label_replace(): " + target);
  }
  auto elements = query.vector(*call.args[0], at);
  if (!elements) return elements;
  const auto replace = [&](const Labels& labels) {
    return regex->expand(labels.get(source), replacement, kLongestLabel);
  };
  return relabelled(query, call, std::move(*elements), target, replace);
}

Result<Elements> sort(Query& query, const Call& call, UtcTime at) {
  return sorted(query, call, at, false);
}
Result<Elements> sort_desc(Query& query, const Call& call, UtcTime at) {
  return sorted(query, call, at, true);
}

Result<Elements> timestamp(Query& query, const Call& call, UtcTime at) {
  const Expr& arg = unwrap(*call.args[0]);
  // Only a bare selector knows when its samples were taken; any other expression is of now.
  std::vector<UtcTime> times;
  Elements elements;
  if (std::holds_alternative<VectorSelector>(arg.node)) {
    elements = query.select(arg, at, &times);
  } else {
    auto found = query.vector(arg, at);
    if (!found) return found;
    elements = std::move(*found);
    times.assign(elements.size(), at);
  }
  for (std::size_t i = 0; i < elements.size(); ++i) {
    elements[i] = {query.labels().without_name(elements[i].labels), to_seconds(times[i])};
  }
  return elements;
}

Result<Elements> vector(Query& query, const Call& call, UtcTime at) {
  const auto value = query.scalar(*call.args[0], at);
  if (!value) return fail(value.error());
  return one(query, Labels(), *value);
}

Result<double> pi(Query&, const Call&, UtcTime) {
  return std::numbers::pi;
}

Result<double> scalar(Query& query, const Call& call, UtcTime at) {
  const auto elements = query.vector(*call.args[0], at);
  if (!elements) return fail(elements.error());
  return elements->size() == 1 ? elements->front().value : kNan;
}

Result<double> time(Query&, const Call&, UtcTime at) {
  return to_seconds(at);
}

}  // namespace pgtend::promql::functions
