#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "rules/promql/query.hpp"

namespace pgtend::promql {

namespace {

Labels keep_only(const Labels& labels, const std::vector<std::string>& names) {
  Labels out;
  for (const auto& name : names) out.set(name, std::string(labels.get(name)));
  return out;
}

Labels drop(Labels labels, const std::vector<std::string>& names) {
  for (const auto& name : names) labels.erase(name);
  return labels;
}

// The labels two series must share to match, interned: equal signatures are equal pointers.
const Labels* signature(LabelTable& table, const VectorMatching& matching, const Labels* labels) {
  return table.derive(&matching, labels, [&](const Labels& all) {
    if (matching.on) return keep_only(all, matching.labels);
    Labels rest = drop(all, matching.labels);
    rest.erase("__name__");
    return rest;
  });
}

// The labels of a result, before those included from the other side.
const Labels* result_labels(LabelTable& table, const Binary& node, const Labels* many) {
  return table.derive(&node, many, [&](Labels labels) {
    const auto& matching = node.matching;
    if (!is_comparison(node.op) || node.return_bool) labels.erase("__name__");
    if (matching.cardinality == Cardinality::one_to_one) {
      labels = matching.on ? keep_only(labels, matching.labels) : drop(std::move(labels), matching.labels);
    }
    return labels;
  });
}

const Labels* include_labels(LabelTable& table, const Binary& node, const Labels* result, const Labels& one) {
  if (node.matching.include.empty()) return result;
  Labels labels = *result;
  for (const auto& name : node.matching.include) labels.set(name, std::string(one.get(name)));
  // A comparison with bool gives no name, even when one was asked for.
  if (node.return_bool) labels.erase("__name__");
  return table.intern(std::move(labels));
}

tl::unexpected<Error> duplicate_error(const Binary& node, const Labels& matched, const Labels& one, const Labels& two) {
  const bool left = node.matching.cardinality == Cardinality::one_to_many;
  return fail(Errc::invalid_argument, "found duplicate series for the match group " + label_list_text(matched) +
                                          " on the " + (left ? "left" : "right") + " hand-side of the operation: [" +
                                          label_list_text(one) + ", " + label_list_text(two) +
                                          "];many-to-many matching not allowed: matching labels must be unique on one "
                                          "side");
}

}  // namespace

Result<Elements> match_vectors(LabelTable& table, const Binary& node, const Elements& lhs, const Elements& rhs) {
  if (lhs.empty() || rhs.empty()) return Elements();
  const VectorMatching& matching = node.matching;
  const bool swapped = matching.cardinality == Cardinality::one_to_many;
  const Elements& many = swapped ? rhs : lhs;
  const Elements& one = swapped ? lhs : rhs;

  std::unordered_map<const Labels*, const Element*> one_by_signature;
  for (const auto& element : one) {
    const Labels* key = signature(table, matching, element.labels);
    const auto [found, added] = one_by_signature.try_emplace(key, &element);
    if (!added) return duplicate_error(node, *key, *element.labels, *found->second->labels);
  }

  Elements out;
  std::unordered_set<const Labels*> matched;
  std::set<std::pair<const Labels*, const Labels*>> grouped;
  for (const auto& element : many) {
    const Labels* key = signature(table, matching, element.labels);
    const auto found = one_by_signature.find(key);
    if (found == one_by_signature.end()) continue;
    const Element& partner = *found->second;
    const Outcome outcome =
        swapped ? apply(node.op, partner.value, element.value) : apply(node.op, element.value, partner.value);
    if (!outcome.keep && !node.return_bool) continue;
    const double value = node.return_bool ? (outcome.keep ? 1.0 : 0.0) : outcome.value;
    const Labels* labels = include_labels(table, node, result_labels(table, node, element.labels), *partner.labels);
    if (matching.cardinality == Cardinality::one_to_one) {
      if (!matched.insert(key).second) {
        return fail(Errc::invalid_argument,
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)");
      }
    } else if (!grouped.emplace(key, labels).second) {
      return fail(Errc::invalid_argument, "multiple matches for labels: grouping labels must ensure unique matches");
    }
    out.push_back({labels, value});
  }
  return out;
}

Elements combine_sets(LabelTable& table, const Binary& node, const Elements& lhs, const Elements& rhs) {
  const auto signatures = [&](const Elements& elements) {
    std::unordered_set<const Labels*> out;
    for (const auto& element : elements) out.insert(signature(table, node.matching, element.labels));
    return out;
  };
  Elements out;
  if (node.op == BinaryOp::lor) {
    out = lhs;
    const auto left = signatures(lhs);
    for (const auto& element : rhs) {
      if (!left.contains(signature(table, node.matching, element.labels))) out.push_back(element);
    }
    return out;
  }
  const auto right = signatures(rhs);
  for (const auto& element : lhs) {
    const bool found = right.contains(signature(table, node.matching, element.labels));
    if (found == (node.op == BinaryOp::land)) out.push_back(element);
  }
  return out;
}

}  // namespace pgtend::promql
