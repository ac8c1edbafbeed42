#include "rules/promql/target.hpp"

#include <algorithm>
#include <array>

#include "rules/promql/function.hpp"
#include "rules/promql/lexer.hpp"

namespace pgtend::promql {

namespace {

// What was added to the language after 2.42. Source: Prometheus's CHANGELOG.
constexpr std::string_view kQuoted = "quoted names (since 3.0)";
constexpr std::string_view kAnyLabel = "names of labels beyond letters, digits and _ (since 3.0)";
constexpr std::string_view kSeconds = "a duration without a unit (since 3.0)";
constexpr std::string_view kDuration = "a duration as a number (since 2.54)";
constexpr std::string_view kUnderscore = "_ between digits (later than 2.42)";

// What 2.42 has no form for shows in the tokens; the tree no longer tells `300` from `5m`.
class TokenWalk {
 public:
  explicit TokenWalk(std::string_view text) : tokens_(tokenize(text)) {}

  std::vector<Unknown> run() {
    for (at_ = 0; at_ < tokens_.size(); ++at_) look(tokens_[at_]);
    return std::move(out_);
  }

 private:
  void look(const Token& token) {
    switch (token.kind) {
      case TokenKind::left_brace:
        in_names_ = true;
        break;
      case TokenKind::left_paren:
        in_names_ = at_ > 0 && opens_names(tokens_[at_ - 1]);
        break;
      case TokenKind::right_brace:
      case TokenKind::right_paren:
        in_names_ = false;
        break;
      case TokenKind::left_bracket:
        in_brackets_ = true;
        break;
      case TokenKind::right_bracket:
        in_brackets_ = false;
        break;
      case TokenKind::string:
        if (in_names_ && !is_value()) say(kQuoted, "use a name of letters, digits and _ without quotes");
        break;
      case TokenKind::number:
        if (token.text.find('_') != std::string_view::npos) say(kUnderscore, "write the digits without _");
        if (is_duration_place()) say(kSeconds, "write " + std::string(token.text) + "s");
        break;
      case TokenKind::duration:
        if (!is_duration_place()) say(kDuration, "write it in seconds");
        break;
      default:
        break;
    }
  }

  static bool opens_names(const Token& before) {
    constexpr std::array kClauses{"by", "without", "on", "ignoring", "group_left", "group_right"};
    const auto word = keyword_of(before.text);
    return before.kind == TokenKind::identifier && std::find(kClauses.begin(), kClauses.end(), word) != kClauses.end();
  }

  // Whether a string stands behind the operator of a matcher.
  [[nodiscard]] bool is_value() const {
    const auto before = tokens_[at_ - 1].kind;
    return before == TokenKind::equal || before == TokenKind::op || before == TokenKind::regex ||
           before == TokenKind::not_regex;
  }

  [[nodiscard]] bool is_duration_place() const {
    if (in_brackets_) return true;
    std::size_t before = at_;
    if (before > 0 && tokens_[before - 1].kind == TokenKind::op) --before;  // the sign of an offset
    return before > 0 && tokens_[before - 1].kind == TokenKind::identifier &&
           keyword_of(tokens_[before - 1].text) == "offset";
  }

  void say(std::string_view what, std::string cure) {
    out_.push_back({tokens_[at_].span.start, std::string(what), std::move(cure)});
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  bool in_names_ = false, in_brackets_ = false;
  std::vector<Unknown> out_;
};

// A text that becomes the name of a label must be one in 2.42.
void check_label(const Expr* text, std::vector<Unknown>& out) {
  const auto* literal = text == nullptr ? nullptr : std::get_if<StringLiteral>(&unwrap(*text).node);
  if (literal != nullptr && !is_label_name(literal->value))
    out.push_back({text->span.start, std::string(kAnyLabel), "use letters, digits and _"});
}

void find_label_names(const Expr& expr, std::vector<Unknown>& out) {
  if (const auto* call = std::get_if<Call>(&expr.node))
    if (call->function->name == "label_replace" || call->function->name == "label_join")
      check_label(call->args[1].get(), out);
  if (const auto* aggregate = std::get_if<Aggregate>(&expr.node))
    if (aggregate->op == AggregateOp::count_values) check_label(aggregate->param.get(), out);
  for (const auto* child : children(expr)) find_label_names(*child, out);
}

// Whether 3.x stores a bucket's bound in another form: it makes 5.0 of 5 when it scrapes.
bool is_whole_number(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void find_gone_in_3(const Expr& expr, std::vector<Unknown>& out) {
  if (const auto* call = std::get_if<Call>(&expr.node))
    if (call->function->name == "holt_winters")
      out.push_back(
          {expr.span.start, "holt_winters (until 2.x)",
           "use predict_linear or avg_over_time; 3.x has it as the experimental double_exponential_smoothing"});
  if (const auto* selector = std::get_if<VectorSelector>(&expr.node))
    for (const auto& matcher : selector->matchers) {
      if ((matcher.label() != "le" && matcher.label() != "quantile") || matcher.op() != MatchOp::equal ||
          !is_whole_number(matcher.value()))
        continue;
      const auto& value = matcher.value();
      out.push_back({expr.span.start,
                     matcher.label() + "=" + quote(value) + ": it stores the value as " + quote(value + ".0"),
                     "write " + matcher.label() + "=~" + quote(value + "(\\.0)?")});
    }
  for (const auto* child : children(expr)) find_gone_in_3(*child, out);
}

}  // namespace

std::optional<Target> target_of(std::string_view name) {
  if (name == "prom2.42") return Target::prom2_42;
  if (name == "prom3") return Target::prom3;
  return std::nullopt;
}

std::string_view to_string(Target target) {
  return target == Target::prom2_42 ? "Prometheus 2.42" : "Prometheus 3";
}

std::vector<Unknown> unknown_to(Target target, const Expr& expr, std::string_view text) {
  std::vector<Unknown> out;
  if (target == Target::prom2_42) {
    out = TokenWalk(text).run();
    find_label_names(expr, out);
  } else {
    find_gone_in_3(expr, out);
  }
  std::stable_sort(out.begin(), out.end(), [](const Unknown& a, const Unknown& b) { return a.offset < b.offset; });
  return out;
}

}  // namespace pgtend::promql
