#include <algorithm>
#include <array>

#include "rules/promql/token_parser.hpp"

namespace pgtend::promql {

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
  if (is(TokenKind::left_paren)) {
    auto include = label_list("grouping opts");
    if (!include) return fail(include.error());
    binary.matching.include = std::move(*include);
  }
  if (is_keyword("group_left") || is_keyword("group_right"))
    return error_at(token().span, "unexpected " + describe(token()) +
                                      ": an operator takes one of group_left and group_right, for the side that has "
                                      "many elements for each of the other");
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

tl::unexpected<Error> TokenParser::misplaced_grouping() const {
  return error_at(token().span, "unexpected " + describe(token()) +
                                    ": it follows on(...) or ignoring(...) right behind a binary operator");
}

Result<std::vector<std::string>> TokenParser::label_list(std::string_view context) {
  if (auto open = expect(TokenKind::left_paren, context, "\"(\""); !open) return fail(open.error());
  std::vector<std::string> labels;
  while (!is(TokenKind::right_paren)) {
    auto label = label_name(context, "label");
    if (!label) return fail(label.error());
    labels.push_back(std::move(*label));
    if (is(TokenKind::right_paren)) break;
    if (!is(TokenKind::comma)) return unexpected(context, "\",\" or \")\"");
    advance();
  }
  advance();
  return labels;
}

Result<std::string> TokenParser::label_name(std::string_view context, std::string_view expected) {
  if (is(TokenKind::string)) {
    const Span span = token().span;
    auto name = string_value();
    if (name && !is_utf8_name(*name)) return error_at(span, "invalid label name " + quote(*name));
    return name;
  }
  if (!is(TokenKind::identifier)) return unexpected(context, expected);
  std::string name(token().text);
  advance();
  return name;
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
    const Span name_span = token().span;
    const bool quoted = is(TokenKind::string);
    auto label = label_name("label matching", "identifier or \"}\"");
    if (!label) return fail(label.error());
    if (quoted && (is(TokenKind::comma) || is(TokenKind::right_brace))) {
      // {"my.metric"}: a quoted name alone is the metric's.
      if (!selector.name.empty()) {
        return error_at(name_span,
                        "metric name must not be set twice: " + quote(selector.name) + " or " + quote(*label));
      }
      selector.name = std::move(*label);
      selector.name_span = name_span;
      if (is(TokenKind::comma)) advance();
      continue;
    }
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
    auto matcher = Matcher::make(std::move(*label), op, std::move(*value));
    if (!matcher) return error_at(span, matcher.error().message);
    selector.matchers.push_back(std::move(*matcher));
    if (is(TokenKind::right_brace)) break;
    if (!is(TokenKind::comma)) return unexpected("label matching", "\",\" or \"}\"");
    advance();
  }
  advance();
  return {};
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
    if (!node.name.empty()) labels.set("__name__", node.name);
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
