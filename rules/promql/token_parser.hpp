#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "rules/promql/ast.hpp"
#include "rules/promql/lexer.hpp"

namespace pgtend::promql {

// Recursive descent over the tokens, with precedence climbing for binary operators. Private to parser*.cpp.
class TokenParser {
 public:
  explicit TokenParser(std::string_view text);

  Result<ExprPtr> whole_expression();
  Result<Labels> whole_metric();

 private:
  [[nodiscard]] const Token& token() const { return tokens_[at_]; }
  [[nodiscard]] const Token& following() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  [[nodiscard]] bool is(TokenKind kind) const { return token().kind == kind; }
  [[nodiscard]] bool is_keyword(std::string_view keyword) const;
  void advance();
  [[nodiscard]] std::size_t previous_end() const { return at_ == 0 ? 0 : tokens_[at_ - 1].span.end; }

  [[nodiscard]] tl::unexpected<Error> error_at(Span span, std::string_view message) const;
  // "unexpected X in CONTEXT, expected Y"; a bad token gives its own message.
  [[nodiscard]] tl::unexpected<Error> unexpected(std::string_view context, std::string_view expected = {}) const;
  Result<void> expect(TokenKind kind, std::string_view context, std::string_view expected);
  Result<ExprPtr> make(Expr::Node node, ValueType type, Span span);

  Result<ExprPtr> expression(int min_precedence);
  Result<ExprPtr> unary();
  Result<ExprPtr> postfix();
  Result<ExprPtr> primary();
  Result<ExprPtr> paren();
  Result<ExprPtr> call();
  Result<ExprPtr> aggregate(AggregateOp op);
  Result<ExprPtr> binary_tail(ExprPtr lhs, BinaryOp op, int precedence);
  Result<void> matching_clause(Binary& binary, Span lhs);
  // group_left or group_right where an operand belongs.
  [[nodiscard]] tl::unexpected<Error> misplaced_grouping() const;
  Result<std::vector<ExprPtr>> arguments();

  Result<ExprPtr> selector();
  Result<void> matchers(VectorSelector& selector);
  Result<ExprPtr> brackets(ExprPtr operand);
  Result<ExprPtr> offset(ExprPtr operand);
  Result<ExprPtr> at(ExprPtr operand);
  Result<AtModifier> at_moment(Span operand);
  // An identifier, or any name in quotes.
  Result<std::string> label_name(std::string_view context, std::string_view expected);
  Result<std::vector<std::string>> label_list(std::string_view context);
  Result<Millis> duration(std::string_view context);
  Result<std::string> string_value();
  [[nodiscard]] std::optional<BinaryOp> binary_operator() const;
  [[nodiscard]] std::optional<AggregateOp> aggregate_operator() const;

  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace pgtend::promql
