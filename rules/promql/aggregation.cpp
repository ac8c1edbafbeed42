#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "agent/base/decimal.hpp"
#include "agent/base/strings.hpp"
#include "rules/promql/lexer.hpp"
#include "rules/promql/numeric.hpp"
#include "rules/promql/query.hpp"
#include "rules/promql/value.hpp"

namespace pgtend::promql {

namespace {

struct Group {
  const Labels* labels = nullptr;
  Elements members;
};

Labels group_labels(const Aggregate& node, const Labels& all, const std::string& value_label) {
  Labels out;
  if (node.without) {
    out = all;
    out.erase("__name__");
    for (const auto& name : node.grouping) out.erase(name);
    return out;
  }
  for (const auto& name : node.grouping) out.set(name, std::string(all.get(name)));
  if (!value_label.empty()) out.set(value_label, std::string(all.get(value_label)));
  return out;
}

// Groups in the order in which their first member comes.
std::vector<Group> group_by(LabelTable& table, const Aggregate& node, const Elements& input, const std::string& label) {
  std::vector<Group> groups;
  if (!node.without && node.grouping.empty() && node.op != AggregateOp::count_values) {
    if (!input.empty()) groups.push_back({table.intern(Labels()), input});
    return groups;
  }
  std::unordered_map<const Labels*, std::size_t> index;
  for (const auto& element : input) {
    const Labels* source = element.labels;
    if (node.op == AggregateOp::count_values) {
      Labels labelled = *source;
      labelled.set(label, decimal_text(element.value));
      source = table.intern(std::move(labelled));
    }
    const Labels* key = table.derive(&node, source, [&](const Labels& all) { return group_labels(node, all, label); });
    const auto [found, added] = index.try_emplace(key, groups.size());
    if (added) groups.push_back({key, {}});
    groups[found->second].members.push_back(element);
  }
  return groups;
}

double average(const Elements& members) {
  double mean = 0, count = 0;
  for (const auto& member : members) {
    ++count;
    if (count == 1) {
      mean = member.value;
      continue;
    }
    if (std::isinf(mean)) {
      if (std::isinf(member.value) && (mean > 0) == (member.value > 0)) continue;
      if (std::isfinite(member.value)) continue;
    }
    // Divided first, so that the sum of large values cannot overflow.
    mean += member.value / count - mean / count;
  }
  return mean;
}

double variance(const Elements& members) {
  double mean = 0, squares = 0, count = 0;
  for (const auto& member : members) {
    ++count;
    const double off = member.value - mean;
    mean += off / count;
    squares += off * (member.value - mean);
  }
  return squares / count;
}

double extreme(const Elements& members, bool largest) {
  double best = members.front().value;
  for (const auto& member : members) {
    if (std::isnan(best) || (largest ? member.value > best : member.value < best)) best = member.value;
  }
  return best;
}

double reduce(const Aggregate& node, const Elements& members, double param) {
  switch (node.op) {
    case AggregateOp::sum: {
      // Nothing but -0 is -0, which a division shows.
      double sum = -0.0;
      for (const auto& member : members) sum += member.value;
      return sum;
    }
    case AggregateOp::avg:
      return average(members);
    case AggregateOp::min:
      return extreme(members, false);
    case AggregateOp::max:
      return extreme(members, true);
    case AggregateOp::count:
    case AggregateOp::count_values:
      return static_cast<double>(members.size());
    case AggregateOp::group:
      return 1;
    case AggregateOp::stddev:
      return std::sqrt(variance(members));
    case AggregateOp::stdvar:
      return variance(members);
    case AggregateOp::quantile: {
      std::vector<double> values;
      for (const auto& member : members) values.push_back(member.value);
      return quantile(param, std::move(values));
    }
    case AggregateOp::topk:
    case AggregateOp::bottomk:
      break;
  }
  return 0;
}

// A binary heap with the worst element first, stepped as Prometheus steps its own: which of several equal values stays
// is then the same.
class WorstFirst {
 public:
  explicit WorstFirst(bool largest) : largest_(largest) {}

  void add(const Element& element, std::size_t most) {
    if (heap_.size() < most) {
      heap_.push_back(element);
      rise(heap_.size() - 1);
    } else if (beats(element.value, heap_[0].value)) {
      heap_[0] = element;
      sink();
    }
  }
  Elements take() { return std::move(heap_); }

 private:
  [[nodiscard]] bool beats(double value, double worst) const {
    if (std::isnan(worst)) return !std::isnan(value);
    return largest_ ? worst < value : worst > value;
  }
  [[nodiscard]] bool worse(std::size_t i, std::size_t j) const {
    const double a = heap_[i].value, b = heap_[j].value;
    return std::isnan(a) || (largest_ ? a < b : a > b);
  }
  void rise(std::size_t at) {
    while (at > 0) {
      const std::size_t parent = (at - 1) / 2;
      if (!worse(at, parent)) return;
      std::swap(heap_[at], heap_[parent]);
      at = parent;
    }
  }
  void sink() {
    for (std::size_t at = 0;;) {
      std::size_t child = 2 * at + 1;
      if (child >= heap_.size()) return;
      if (child + 1 < heap_.size() && worse(child + 1, child)) ++child;
      if (!worse(child, at)) return;
      std::swap(heap_[at], heap_[child]);
      at = child;
    }
  }

  bool largest_;
  Elements heap_;
};

// The k largest or smallest, best first; NaN is worse than any number.
void keep_best(Elements& members, std::size_t k, bool largest) {
  WorstFirst heap(largest);
  for (const auto& member : members) heap.add(member, k);
  members = heap.take();
  std::stable_sort(members.begin(), members.end(), [largest](const Element& a, const Element& b) {
    if (std::isnan(a.value) || std::isnan(b.value)) return !std::isnan(a.value) && std::isnan(b.value);
    return largest ? a.value > b.value : a.value < b.value;
  });
}

}  // namespace

Result<Elements> aggregate_elements(LabelTable& table, const Aggregate& node, const Elements& input, double param,
                                    const std::string& label) {
  const bool is_k = node.op == AggregateOp::topk || node.op == AggregateOp::bottomk;
  if (is_k) {
    // Source: the range of int64, which k is converted to.
    if (!(param > -9.223372036854775e18 && param < 9.223372036854775e18)) {
      return fail(Errc::invalid_argument, "Scalar value " + format_double(param) + " overflows int64");
    }
    if (param < 1) return Elements();
  }
  if (node.op == AggregateOp::count_values && !is_label_name(label)) {
    return fail(Errc::invalid_argument, "invalid label name " + quote(label));
  }
  Elements out;
  for (auto& group : group_by(table, node, input, label)) {
    if (is_k) {
      const auto k = static_cast<std::size_t>(std::min(param, static_cast<double>(group.members.size())));
      keep_best(group.members, k, node.op == AggregateOp::topk);
      out.insert(out.end(), group.members.begin(), group.members.end());
    } else {
      out.push_back({group.labels, reduce(node, group.members, param)});
    }
  }
  return out;
}

}  // namespace pgtend::promql
