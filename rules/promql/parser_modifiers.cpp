#include <cmath>
#include <cstdio>

#include "agent/base/units.hpp"
#include "rules/promql/token_parser.hpp"

// What may follow a selector or a subquery: a range, offset and @.
namespace pgtend::promql {

namespace {

// Source: the largest duration Prometheus can hold (int64 nanoseconds), about 292 years.
constexpr Millis kMaxDuration{9'223'372'036'854LL};
// Source: the last second of the year 9999, as for the moment of evaluation.
constexpr double kLastSecond = 253'402'300'799.0;

struct Modifiers {
  Millis* offset = nullptr;
  AtModifier* at = nullptr;
};

// Where the modifiers of an operand are kept; nullptr when it takes none.
Modifiers modifiers(Expr& operand) {
  if (auto* vector = std::get_if<VectorSelector>(&operand.node)) return {&vector->offset, &vector->at};
  if (auto* matrix = std::get_if<MatrixSelector>(&operand.node)) {
    auto& selector = std::get<VectorSelector>(matrix->selector->node);
    return {&selector.offset, &selector.at};
  }
  if (auto* subquery = std::get_if<Subquery>(&operand.node)) return {&subquery->offset, &subquery->at};
  return {};
}

std::string decimal(double value) {
  // Go's %f.
  if (!std::isfinite(value)) return std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  char buffer[400];
  std::snprintf(buffer, sizeof buffer, "%f", value);
  return buffer;
}

}  // namespace

Result<ExprPtr> TokenParser::brackets(ExprPtr operand) {
  const std::size_t start = operand->span.start;
  const Span bracket = token().span;
  advance();
  const auto range = duration("subquery or range selector");
  if (!range) return fail(range.error());
  if (is(TokenKind::colon)) {
    advance();
    Subquery node;
    node.range = *range;
    if (!is(TokenKind::right_bracket)) {
      const auto step = duration("subquery selector");
      if (!step) return fail(step.error());
      node.step = *step;
    }
    if (auto closed = expect(TokenKind::right_bracket, "subquery selector", "\"]\""); !closed) {
      return fail(closed.error());
    }
    node.expr = std::move(operand);
    return make(std::move(node), ValueType::matrix, {start, previous_end()});
  }
  if (auto closed = expect(TokenKind::right_bracket, "subquery or range", "\":\" or \"]\""); !closed) {
    return fail(closed.error());
  }
  const auto* selector = std::get_if<VectorSelector>(&operand->node);
  if (selector == nullptr) return error_at(bracket, "ranges only allowed for vector selectors");
  if (selector->offset.count() != 0) return error_at(bracket, "no offset modifiers allowed before range");
  // As Prometheus has it: `x @ start()[5m]` is allowed, `x @ 10[5m]` is not.
  if (selector->at.kind == AtModifier::Kind::time) return error_at(bracket, "no @ modifiers allowed before range");
  return make(MatrixSelector{std::move(operand), *range}, ValueType::matrix, {start, previous_end()});
}

Result<ExprPtr> TokenParser::offset(ExprPtr operand) {
  advance();
  bool negative = false;
  if (is(TokenKind::op) && (token().text == "-" || token().text == "+")) {
    negative = token().text == "-";
    advance();
  }
  const auto value = duration("offset");
  if (!value) return fail(value.error());
  const Modifiers target = modifiers(*operand);
  if (target.offset == nullptr) {
    return error_at(
        operand->span,
        "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery");
  }
  if (target.offset->count() != 0) return error_at(operand->span, "offset may not be set multiple times");
  *target.offset = negative ? -*value : *value;
  operand->span.end = previous_end();
  return operand;
}

Result<AtModifier> TokenParser::at_moment(Span operand) {
  AtModifier out;
  if (is_keyword("start") || is_keyword("end")) {
    out.kind = is_keyword("start") ? AtModifier::Kind::start : AtModifier::Kind::end;
    advance();
    if (auto open = expect(TokenKind::left_paren, "@", "\"(\""); !open) return fail(open.error());
    if (auto close = expect(TokenKind::right_paren, "@", "\")\""); !close) return fail(close.error());
    return out;
  }
  bool negative = false;
  if (is(TokenKind::op) && (token().text == "-" || token().text == "+")) {
    negative = token().text == "-";
    advance();
  }
  if (!is(TokenKind::number)) return unexpected("@", "timestamp");
  auto seconds = number_value(token().text);
  if (!seconds) return error_at(token().span, seconds.error().message);
  if (negative) *seconds = -*seconds;
  if (!(std::abs(*seconds) <= kLastSecond)) {
    return error_at(operand, "timestamp out of bounds for @ modifier: " + decimal(*seconds));
  }
  advance();
  out.kind = AtModifier::Kind::time;
  out.time = from_ms(std::llround(*seconds * 1000));
  return out;
}

Result<ExprPtr> TokenParser::at(ExprPtr operand) {
  advance();
  const auto fixed = at_moment(operand->span);
  if (!fixed) return fail(fixed.error());
  const Modifiers target = modifiers(*operand);
  if (target.at == nullptr) {
    return error_at(operand->span,
                    "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery");
  }
  if (target.at->kind != AtModifier::Kind::none) {
    return error_at(operand->span, "@ <timestamp> may not be set multiple times");
  }
  *target.at = *fixed;
  operand->span.end = previous_end();
  return operand;
}

Result<Millis> TokenParser::duration(std::string_view context) {
  const Span span = token().span;
  Millis value{0};
  if (is(TokenKind::number)) {
    // A bare number is in seconds.
    const auto seconds = number_value(token().text);
    if (!seconds) return error_at(span, seconds.error().message);
    if (!(*seconds * 1000 <= static_cast<double>(kMaxDuration.count()))) return error_at(span, "duration out of range");
    value = Millis(std::llround(*seconds * 1000));
  } else if (is(TokenKind::duration)) {
    const auto parsed = parse_duration(token().text);
    if (!parsed) return error_at(span, "not a valid duration string: " + quote(token().text));
    value = *parsed;
  } else {
    return unexpected(context, "duration");
  }
  if (value > kMaxDuration) return error_at(span, "duration out of range");
  if (value.count() == 0) return error_at(span, "duration must be greater than 0");
  advance();
  return value;
}

}  // namespace pgtend::promql
