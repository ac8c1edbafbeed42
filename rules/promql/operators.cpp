#include <cmath>

#include "rules/promql/query.hpp"

namespace pgtend::promql {

Outcome apply(BinaryOp op, double left, double right) {
  switch (op) {
    case BinaryOp::add:
      return {left + right};
    case BinaryOp::sub:
      return {left - right};
    case BinaryOp::mul:
      return {left * right};
    case BinaryOp::div:
      return {left / right};
    case BinaryOp::mod:
      return {std::fmod(left, right)};
    case BinaryOp::pow:
      return {std::pow(left, right)};
    case BinaryOp::atan2:
      return {std::atan2(left, right)};
    // A filtering comparison keeps the left value.
    case BinaryOp::eq:
      return {left, left == right};
    case BinaryOp::ne:
      return {left, left != right};
    case BinaryOp::lt:
      return {left, left < right};
    case BinaryOp::le:
      return {left, left <= right};
    case BinaryOp::gt:
      return {left, left > right};
    case BinaryOp::ge:
      return {left, left >= right};
    case BinaryOp::land:
    case BinaryOp::lor:
    case BinaryOp::lunless:
      break;
  }
  return {0, false};
}

Elements with_scalar(LabelTable& labels, const Binary& node, Elements elements, double scalar, bool scalar_is_left) {
  Elements out;
  out.reserve(elements.size());
  const bool drops_name = !is_comparison(node.op) || node.return_bool;
  for (const auto& element : elements) {
    const Outcome outcome =
        scalar_is_left ? apply(node.op, scalar, element.value) : apply(node.op, element.value, scalar);
    double value = outcome.value;
    if (node.return_bool) {
      value = outcome.keep ? 1 : 0;
    } else if (!outcome.keep) {
      continue;
    } else if (is_comparison(node.op)) {
      value = element.value;
    }
    out.push_back({drops_name ? labels.without_name(element.labels) : element.labels, value});
  }
  return out;
}

Result<double> Query::scalar_binary(const Binary& binary, UtcTime at) {
  const auto left = scalar(*binary.lhs, at);
  if (!left) return left;
  const auto right = scalar(*binary.rhs, at);
  if (!right) return right;
  const Outcome outcome = apply(binary.op, *left, *right);
  if (is_comparison(binary.op)) return outcome.keep ? 1.0 : 0.0;
  return outcome.value;
}

Result<Elements> Query::binary(const Binary& binary, UtcTime at) {
  const bool left_scalar = binary.lhs->type == ValueType::scalar;
  if (left_scalar || binary.rhs->type == ValueType::scalar) {
    const auto number = scalar(left_scalar ? *binary.lhs : *binary.rhs, at);
    if (!number) return fail(number.error());
    auto elements = vector(left_scalar ? *binary.rhs : *binary.lhs, at);
    if (!elements) return elements;
    return with_scalar(labels_, binary, std::move(*elements), *number, left_scalar);
  }
  const auto lhs = vector(*binary.lhs, at);
  if (!lhs) return lhs;
  const auto rhs = vector(*binary.rhs, at);
  if (!rhs) return rhs;
  if (is_set_operator(binary.op)) return combine_sets(labels_, binary, *lhs, *rhs);
  return match_vectors(labels_, binary, *lhs, *rhs);
}

}  // namespace pgtend::promql
