#include "rules/promql/parser.hpp"

#include <algorithm>
#include <array>

#include "rules/promql/function.hpp"
#include "rules/promql/parse_error.hpp"
#include "rules/promql/token_parser.hpp"

namespace pgtend::promql {

namespace {

// From loosest to tightest, as in Prometheus. Unary signs bind like multiplication, power binds tighter.
int precedence_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::lor:
      return 1;
    case BinaryOp::land:
    case BinaryOp::lunless:
      return 2;
    case BinaryOp::eq:
    case BinaryOp::ne:
    case BinaryOp::lt:
    case BinaryOp::le:
    case BinaryOp::gt:
    case BinaryOp::ge:
      return 3;
    case BinaryOp::add:
    case BinaryOp::sub:
      return 4;
    case BinaryOp::mul:
    case BinaryOp::div:
    case BinaryOp::mod:
    case BinaryOp::atan2:
      return 5;
    case BinaryOp::pow:
      return 6;
  }
  return 0;
}
constexpr int kPowerPrecedence = 6;

// Counts recursion for as long as it lives.
class Nesting {
 public:
  explicit Nesting(int& level) : level_(level) { ++level_; }
  ~Nesting() { --level_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  int& level_;
};

std::string too_deep() {
  return "expression is nested deeper than " + std::to_string(kMaxDepth) + " levels";
}

}  // namespace

TokenParser::TokenParser(std::string_view text) : text_(text), tokens_(tokenize(text)) {}

bool TokenParser::is_keyword(std::string_view keyword) const {
  return is(TokenKind::identifier) && keyword_of(token().text) == keyword;
}

void TokenParser::advance() {
  if (at_ + 1 < tokens_.size()) ++at_;
}

tl::unexpected<Error> TokenParser::error_at(Span span, std::string_view message) const {
  return fail(parse_error(text_, span, message));
}

tl::unexpected<Error> TokenParser::unexpected(std::string_view context, std::string_view expected) const {
  if (is(TokenKind::bad)) return error_at(token().span, token().message);
  std::string message = "unexpected " + describe(token());
  if (!context.empty()) message += " in " + std::string(context);
  if (!expected.empty()) message += ", expected " + std::string(expected);
  return error_at(token().span, message);
}

Result<void> TokenParser::expect(TokenKind kind, std::string_view context, std::string_view expected) {
  if (!is(kind)) return unexpected(context, expected);
  advance();
  return {};
}

Result<ExprPtr> TokenParser::make(Expr::Node node, ValueType type, Span span) {
  auto expr = std::make_unique<Expr>();
  expr->node = std::move(node);
  expr->type = type;
  expr->span = span;
  for (const Expr* child : children(*expr)) expr->depth = std::max(expr->depth, child->depth + 1);
  if (expr->depth > kMaxDepth) return error_at(span, too_deep());
  return expr;
}

Result<ExprPtr> TokenParser::whole_expression() {
  if (tokens_.size() == 1 && is(TokenKind::end)) return error_at({0, 0}, "no expression found in input");
  auto expr = expression(0);
  if (!expr) return expr;
  if (!is(TokenKind::end)) return unexpected("");
  return expr;
}

std::optional<BinaryOp> TokenParser::binary_operator() const {
  constexpr std::array kSymbols{BinaryOp::add, BinaryOp::sub, BinaryOp::mul, BinaryOp::div,
                                BinaryOp::mod, BinaryOp::pow, BinaryOp::eq,  BinaryOp::ne,
                                BinaryOp::lt,  BinaryOp::le,  BinaryOp::gt,  BinaryOp::ge};
  constexpr std::array kWords{BinaryOp::land, BinaryOp::lor, BinaryOp::lunless, BinaryOp::atan2};
  if (is(TokenKind::op)) {
    for (const BinaryOp op : kSymbols) {
      if (to_string(op) == token().text) return op;
    }
  } else if (is(TokenKind::identifier)) {
    const std::string_view keyword = keyword_of(token().text);
    for (const BinaryOp op : kWords) {
      if (to_string(op) == keyword) return op;
    }
  }
  return std::nullopt;
}

Result<ExprPtr> TokenParser::expression(int min_precedence) {
  const Nesting nesting(nesting_);
  if (nesting_ > kMaxDepth) return error_at(token().span, too_deep());
  auto lhs = unary();
  while (lhs) {
    const auto op = binary_operator();
    if (!op) break;
    const int precedence = precedence_of(*op);
    if (precedence < min_precedence) break;
    lhs = binary_tail(std::move(*lhs), *op, precedence);
  }
  return lhs;
}

Result<ExprPtr> TokenParser::binary_tail(ExprPtr lhs, BinaryOp op, int precedence) {
  Binary binary;
  binary.op = op;
  binary.op_span = token().span;
  advance();
  if (is_set_operator(op)) binary.matching.cardinality = Cardinality::many_to_many;
  if (auto clause = matching_clause(binary, lhs->span); !clause) return fail(clause.error());
  // Only power associates to the right.
  auto rhs = expression(op == BinaryOp::pow ? precedence : precedence + 1);
  if (!rhs) return rhs;
  const Span span{lhs->span.start, (*rhs)->span.end};
  const bool both_scalar = lhs->type == ValueType::scalar && (*rhs)->type == ValueType::scalar;
  binary.lhs = std::move(lhs);
  binary.rhs = std::move(*rhs);
  return make(std::move(binary), both_scalar ? ValueType::scalar : ValueType::vector, span);
}

Result<ExprPtr> TokenParser::unary() {
  if (!is(TokenKind::op) || (token().text != "-" && token().text != "+")) return postfix();
  const Nesting nesting(nesting_);
  if (nesting_ > kMaxDepth) return error_at(token().span, too_deep());
  const bool negative = token().text == "-";
  const std::size_t start = token().span.start;
  advance();
  // The operand takes every power: -a^b is -(a^b).
  auto operand = expression(kPowerPrecedence);
  if (!operand) return operand;
  if (auto* number = std::get_if<NumberLiteral>(&(*operand)->node)) {
    if (negative) number->value = -number->value;
    (*operand)->span.start = start;
    return operand;
  }
  const Span span{start, (*operand)->span.end};
  const ValueType type = (*operand)->type;
  return make(Unary{negative, std::move(*operand)}, type, span);
}

Result<ExprPtr> TokenParser::postfix() {
  auto operand = primary();
  while (operand) {
    if (is(TokenKind::left_bracket)) {
      operand = brackets(std::move(*operand));
    } else if (is_keyword("offset")) {
      operand = offset(std::move(*operand));
    } else if (is(TokenKind::at)) {
      operand = at(std::move(*operand));
    } else {
      break;
    }
  }
  return operand;
}

Result<ExprPtr> TokenParser::primary() {
  const Span span = token().span;
  switch (token().kind) {
    case TokenKind::number: {
      const auto value = number_value(token().text);
      if (!value) return error_at(span, value.error().message);
      advance();
      return make(NumberLiteral{*value}, ValueType::scalar, span);
    }
    case TokenKind::duration: {
      // A duration where a number belongs is its seconds.
      const auto value = duration("number");
      if (!value) return fail(value.error());
      return make(NumberLiteral{static_cast<double>(value->count()) / 1000.0}, ValueType::scalar, span);
    }
    case TokenKind::string: {
      auto value = string_value();
      if (!value) return fail(value.error());
      return make(StringLiteral{std::move(*value)}, ValueType::string, span);
    }
    case TokenKind::left_paren:
      return paren();
    case TokenKind::left_brace:
    case TokenKind::metric:
      return selector();
    case TokenKind::identifier:
      break;
    default:
      return unexpected("");
  }
  const auto& next = following();
  const auto aggregation = aggregate_operator();
  if (aggregation &&
      (next.kind == TokenKind::left_paren || keyword_of(next.text) == "by" || keyword_of(next.text) == "without")) {
    return aggregate(*aggregation);
  }
  // Before a call: with labels behind it, a misplaced clause looks like one.
  const std::string_view keyword = keyword_of(token().text);
  if (keyword == "group_left" || keyword == "group_right") return misplaced_grouping();
  for (const std::string_view reserved : {"bool", "on", "ignoring", "atan2"}) {
    if (keyword == reserved) return unexpected("");
  }
  if (next.kind == TokenKind::left_paren) return call();
  return selector();
}

Result<ExprPtr> TokenParser::paren() {
  const std::size_t start = token().span.start;
  advance();
  auto inner = expression(0);
  if (!inner) return inner;
  if (auto closed = expect(TokenKind::right_paren, "parentheses", "\")\""); !closed) return fail(closed.error());
  const ValueType type = (*inner)->type;
  return make(Paren{std::move(*inner)}, type, {start, previous_end()});
}

Result<ExprPtr> TokenParser::call() {
  const Token name = token();
  const Function* function = find_function(name.text);
  if (function == nullptr) {
    const std::string quoted = quote(name.text);
    const std::string_view reason = why_unsupported(name.text);
    return error_at(name.span, reason.empty() ? "unknown function with name " + quoted
                                              : "function " + quoted + " is not supported: " + std::string(reason));
  }
  advance();
  auto args = arguments();
  if (!args) return fail(args.error());
  return make(Call{function, std::move(*args)}, function->result, {name.span.start, previous_end()});
}

Result<std::vector<ExprPtr>> TokenParser::arguments() {
  advance();
  std::vector<ExprPtr> args;
  while (!is(TokenKind::right_paren)) {
    auto arg = expression(0);
    if (!arg) return fail(arg.error());
    args.push_back(std::move(*arg));
    if (is(TokenKind::right_paren)) break;
    if (!is(TokenKind::comma)) return unexpected("function call arguments", "\",\" or \")\"");
    const Span comma = token().span;
    advance();
    if (is(TokenKind::right_paren)) return error_at(comma, "trailing commas not allowed in function call args");
  }
  advance();
  return args;
}

Result<ExprPtr> parse(std::string_view text) {
  if (text.size() > kMaxExpressionBytes) {
    return fail(
        parse_error(text, {0, 0}, "expression is longer than " + std::to_string(kMaxExpressionBytes) + " bytes"));
  }
  auto expr = TokenParser(text).whole_expression();
  if (!expr) return expr;
  if (auto checked = check_types(text, **expr); !checked) return fail(checked.error());
  return expr;
}

Result<Labels> parse_metric(std::string_view text) {
  if (text.size() > kMaxExpressionBytes) {
    return fail(parse_error(text, {0, 0}, "series is longer than " + std::to_string(kMaxExpressionBytes) + " bytes"));
  }
  return TokenParser(text).whole_metric();
}

}  // namespace pgtend::promql
