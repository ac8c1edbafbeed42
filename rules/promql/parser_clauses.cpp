#include <algorithm>
#include <array>

#include "agent/base/units.hpp"
#include "rules/promql/token_parser.hpp"

namespace pgtend::promql {

namespace {

// Source: the largest duration Prometheus can hold (int64 nanoseconds), about 292 years.
constexpr Millis kMaxDuration{9'223'372'036'854LL};

}  // namespace

std::optional<AggregateOp> TokenParser::aggregate_operator() const {
  constexpr std::array kOps{AggregateOp::sum,   AggregateOp::avg,     AggregateOp::min,      AggregateOp::max,
                            AggregateOp::count, AggregateOp::group,   AggregateOp::stddev,   AggregateOp::stdvar,
                            AggregateOp::topk,  AggregateOp::bottomk, AggregateOp::quantile, AggregateOp::count_values};
  if (!is(TokenKind::identifier)) return std::nullopt;
  const std::string_view keyword = keyword_of(token().text);
  for (const AggregateOp op : kOps) {
    if (to_string(op) == keyword) return op;
  }
  return std::nullopt;
}

Result<ExprPtr> TokenParser::aggregate(AggregateOp op) {
  const Span start = token().span;
  advance();
  Aggregate node;
  node.op = op;
  const auto clause = [&]() -> Result<void> {
    if (!is_keyword("by") && !is_keyword("without")) return {};
    node.without = is_keyword("without");
    node.grouped = true;
    advance();
    auto labels = label_list("grouping opts");
    if (!labels) return fail(labels.error());
    node.grouping = std::move(*labels);
    return {};
  };
  if (auto before = clause(); !before) return fail(before.error());
  if (!is(TokenKind::left_paren)) return unexpected("aggregation", "\"(\"");
  auto args = arguments();
  if (!args) return fail(args.error());
  if (!node.grouped) {
    if (auto after = clause(); !after) return fail(after.error());
  }
  const Span span{start.start, previous_end()};
  const bool takes_param = op >= AggregateOp::topk;
  const std::size_t wanted = takes_param ? 2 : 1;
  if (args->empty()) return error_at(span, "no arguments for aggregate expression provided");
  if (args->size() != wanted) {
    return error_at(span, "wrong number of arguments for aggregate expression provided, expected " +
                              std::to_string(wanted) + ", got " + std::to_string(args->size()));
  }
  if (takes_param) node.param = std::move(args->front());
  node.expr = std::move(args->back());
  return make(std::move(node), ValueType::vector, span);
}

Result<void> TokenParser::matching_clause(Binary& binary, Span lhs) {
  if (is_keyword("bool")) {
    if (!is_comparison(binary.op)) {
      return error_at(binary.op_span, "bool modifier can only be used on comparison operators");
    }
    binary.return_bool = true;
    advance();
  }
  if (!is_keyword("on") && !is_keyword("ignoring")) return {};
  binary.matching.on = is_keyword("on");
  advance();
  auto labels = label_list("grouping opts");
  if (!labels) return fail(labels.error());
  binary.matching.labels = std::move(*labels);
  if (!is_keyword("group_left") && !is_keyword("group_right")) return {};
  if (is_set_operator(binary.op)) {
    return error_at(lhs, "no grouping allowed for " + quote(to_string(binary.op)) + " operation");
  }
  binary.matching.cardinality = is_keyword("group_left") ? Cardinality::many_to_one : Cardinality::one_to_many;
  advance();
  if (!is(TokenKind::left_paren)) return {};
  auto include = label_list("grouping opts");
  if (!include) return fail(include.error());
  binary.matching.include = std::move(*include);
  if (binary.matching.on) {
    for (const auto& label : binary.matching.include) {
      if (std::find(binary.matching.labels.begin(), binary.matching.labels.end(), label) !=
          binary.matching.labels.end()) {
        return error_at(binary.op_span, "label " + quote(label) + " must not occur in ON and GROUP clause at once");
      }
    }
  }
  return {};
}

Result<std::vector<std::string>> TokenParser::label_list(std::string_view context) {
  if (auto open = expect(TokenKind::left_paren, context, "\"(\""); !open) return fail(open.error());
  std::vector<std::string> labels;
  while (!is(TokenKind::right_paren)) {
    if (!is(TokenKind::identifier)) return unexpected(context, "label");
    labels.emplace_back(token().text);
    advance();
    if (is(TokenKind::right_paren)) break;
    if (!is(TokenKind::comma)) return unexpected(context, "\",\" or \")\"");
    advance();
  }
  advance();
  return labels;
}

Result<ExprPtr> TokenParser::selector() {
  const std::size_t start = token().span.start;
  VectorSelector node;
  if (!is(TokenKind::left_brace)) {
    node.name = std::string(token().text);
    node.name_span = token().span;
    advance();
  }
  if (is(TokenKind::left_brace)) {
    if (auto parsed = matchers(node); !parsed) return fail(parsed.error());
  }
  const Span span{start, previous_end()};
  if (!node.name.empty()) {
    for (const auto& matcher : node.matchers) {
      if (matcher.label() != "__name__") continue;
      return error_at(span, "metric name must not be set twice: " + quote(node.name) + " or " + quote(matcher.value()));
    }
    node.matchers.push_back(Matcher::make("__name__", MatchOp::equal, node.name).value());
  }
  // A selector that matches a series without labels would match everything.
  const bool selects = std::any_of(node.matchers.begin(), node.matchers.end(),
                                   [](const Matcher& matcher) { return !matcher.matches(std::string_view()); });
  if (!selects) return error_at(span, "vector selector must contain at least one non-empty matcher");
  return make(std::move(node), ValueType::vector, span);
}

Result<void> TokenParser::matchers(VectorSelector& selector) {
  advance();
  while (!is(TokenKind::right_brace)) {
    if (!is(TokenKind::identifier)) return unexpected("label matching", "identifier or \"}\"");
    std::string label(token().text);
    advance();
    MatchOp op = MatchOp::equal;
    if (is(TokenKind::op) && token().text == "!=") {
      op = MatchOp::not_equal;
    } else if (is(TokenKind::regex)) {
      op = MatchOp::regex;
    } else if (is(TokenKind::not_regex)) {
      op = MatchOp::not_regex;
    } else if (!is(TokenKind::equal)) {
      return unexpected("label matching", "label matching operator");
    }
    advance();
    if (!is(TokenKind::string)) return unexpected("label matching", "string");
    const Span span = token().span;
    auto value = string_value();
    if (!value) return fail(value.error());
    auto matcher = Matcher::make(std::move(label), op, std::move(*value));
    if (!matcher) return error_at(span, matcher.error().message);
    selector.matchers.push_back(std::move(*matcher));
    if (is(TokenKind::right_brace)) break;
    if (!is(TokenKind::comma)) return unexpected("label matching", "\",\" or \"}\"");
    advance();
  }
  advance();
  return {};
}

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
  Millis* target = nullptr;
  if (auto* vector = std::get_if<VectorSelector>(&operand->node)) target = &vector->offset;
  if (auto* matrix = std::get_if<MatrixSelector>(&operand->node)) {
    target = &std::get<VectorSelector>(matrix->selector->node).offset;
  }
  if (auto* subquery = std::get_if<Subquery>(&operand->node)) target = &subquery->offset;
  if (target == nullptr) {
    return error_at(
        operand->span,
        "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery");
  }
  if (target->count() != 0) return error_at(operand->span, "offset may not be set multiple times");
  *target = negative ? -*value : *value;
  operand->span.end = previous_end();
  return operand;
}

Result<Millis> TokenParser::duration(std::string_view context) {
  if (!is(TokenKind::duration)) return unexpected(context, "duration");
  const auto value = parse_duration(token().text);
  if (!value) return error_at(token().span, "not a valid duration string: " + quote(token().text));
  if (*value > kMaxDuration) return error_at(token().span, "duration out of range");
  if (value->count() == 0) return error_at(token().span, "duration must be greater than 0");
  advance();
  return *value;
}

Result<std::string> TokenParser::string_value() {
  auto value = unquote(token().text);
  if (!value) return error_at(token().span, value.error().message);
  advance();
  return value;
}

Result<Labels> TokenParser::whole_metric() {
  if (!is(TokenKind::identifier) && !is(TokenKind::metric) && !is(TokenKind::left_brace)) {
    return unexpected("series description", "metric name or \"{\"");
  }
  VectorSelector node;
  Labels labels;
  if (!is(TokenKind::left_brace)) {
    labels.set("__name__", std::string(token().text));
    advance();
  }
  if (is(TokenKind::left_brace)) {
    const Span span = token().span;
    if (auto parsed = matchers(node); !parsed) return fail(parsed.error());
    for (const auto& matcher : node.matchers) {
      if (matcher.op() != MatchOp::equal)
        return error_at(span, "a series description allows only \"=\" between label and value");
      labels.set(matcher.label(), matcher.value());
    }
  }
  if (!is(TokenKind::end)) return unexpected("series description");
  return labels;
}

}  // namespace pgtend::promql
