#include "rules/promql/lexer.hpp"

#include <algorithm>
#include <iterator>

#include "agent/base/strings.hpp"

namespace pgtend::promql {

namespace {

bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The whole character at `at`, for messages: a multi-byte one is not cut.
std::string_view character(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && end - at < 4 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return text.substr(at, end - at);
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (step()) {
    }
    return std::move(tokens_);
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void emit(TokenKind kind, std::size_t length) {
    tokens_.push_back({kind, text_.substr(at_, length), {}, {at_, at_ + length}});
    at_ += length;
  }

  bool bad(std::string message, std::size_t length = 1) {
    length = std::min(length, text_.size() - at_);
    tokens_.push_back({TokenKind::bad, text_.substr(at_, length), std::move(message), {at_, at_ + length}});
    return false;
  }

  bool finish() {
    if (in_braces_) return bad("unexpected end of input inside braces", 0);
    if (in_brackets_) return bad("unclosed left bracket", 0);
    if (parens_ > 0) return bad("unclosed left parenthesis", 0);
    emit(TokenKind::end, 0);
    return false;
  }

  bool step() {
    while (at_ < text_.size() && (is_space(text_[at_]) || text_[at_] == '#')) {
      if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        ++at_;
      }
    }
    if (at_ >= text_.size()) return finish();
    const char c = peek();
    if (c == '"' || c == '\'' || c == '`') return string(c);
    if (in_braces_) return inside_braces(c);
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (is_alpha(c) || (c == ':' && !in_brackets_)) return word();
    return punctuation(c);
  }

  bool inside_braces(char c) {
    if (is_alpha(c)) {
      std::size_t length = 1;
      while (is_alpha(peek(length)) || is_digit(peek(length))) ++length;
      emit(TokenKind::identifier, length);
      return true;
    }
    switch (c) {
      case ',':
        emit(TokenKind::comma, 1);
        return true;
      case '}':
        in_braces_ = false;
        emit(TokenKind::right_brace, 1);
        return true;
      case '{':
        return bad("unexpected left brace '{'");
      case '=':
        if (peek(1) == '~') {
          emit(TokenKind::regex, 2);
        } else {
          emit(TokenKind::equal, 1);
        }
        return true;
      case '!':
        if (peek(1) == '~') {
          emit(TokenKind::not_regex, 2);
        } else if (peek(1) == '=') {
          emit(TokenKind::op, 2);
        } else {
          return bad("unexpected character after '!' inside braces: '" + std::string(character(text_, at_ + 1)) + "'");
        }
        return true;
      default:
        return bad("unexpected character inside braces: '" + std::string(character(text_, at_)) + "'");
    }
  }

  bool punctuation(char c) {
    switch (c) {
      case ',':
        emit(TokenKind::comma, 1);
        return true;
      case '@':
        emit(TokenKind::at, 1);
        return true;
      case ':':
        if (after_colon_) return bad("unexpected colon ':'");
        after_colon_ = in_brackets_;
        emit(TokenKind::colon, 1);
        return true;
      case '(':
        ++parens_;
        emit(TokenKind::left_paren, 1);
        return true;
      case ')':
        if (parens_ == 0) return bad("unexpected right parenthesis ')'");
        --parens_;
        emit(TokenKind::right_paren, 1);
        return true;
      case '{':
        in_braces_ = true;
        emit(TokenKind::left_brace, 1);
        return true;
      case '[':
        if (in_brackets_) return bad("unexpected left bracket '['");
        in_brackets_ = true;
        after_colon_ = false;
        emit(TokenKind::left_bracket, 1);
        return true;
      case ']':
        if (!in_brackets_) return bad("unexpected right bracket ']'");
        in_brackets_ = after_colon_ = false;
        emit(TokenKind::right_bracket, 1);
        return true;
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
      case '^':
        emit(TokenKind::op, 1);
        return true;
      case '<':
      case '>':
        emit(TokenKind::op, peek(1) == '=' ? 2 : 1);
        return true;
      case '=':
        if (peek(1) == '=') {
          emit(TokenKind::op, 2);
          return true;
        }
        if (peek(1) == '~') return bad("unexpected character after '=': '~'");
        emit(TokenKind::equal, 1);
        return true;
      case '!':
        if (peek(1) != '=') {
          return bad("unexpected character after '!': '" + std::string(character(text_, at_ + 1)) + "'");
        }
        emit(TokenKind::op, 2);
        return true;
      default:
        return bad("unexpected character: '" + std::string(character(text_, at_)) + "'");
    }
  }

  bool word() {
    std::size_t length = 0;
    bool colon = false;
    while (is_alpha(peek(length)) || is_digit(peek(length)) || peek(length) == ':') {
      // Inside brackets a colon separates a subquery's range from its step.
      if (peek(length) == ':' && in_brackets_) break;
      colon = colon || peek(length) == ':';
      ++length;
    }
    const std::string lower = to_lower(text_.substr(at_, length));
    const bool is_number = lower == "inf" || lower == "nan";
    emit(is_number ? TokenKind::number : colon ? TokenKind::metric : TokenKind::identifier, length);
    return true;
  }

  bool string(char quote_char) {
    std::size_t length = 1;
    for (;; ++length) {
      if (at_ + length >= text_.size()) {
        return bad(quote_char == '`' ? "unterminated raw string" : "unterminated quoted string");
      }
      const char c = peek(length);
      if (c == quote_char) break;
      if (quote_char == '`') continue;
      if (c == '\n') return bad("unterminated quoted string");
      if (c == '\\') ++length;
    }
    emit(TokenKind::string, length + 1);
    return true;
  }

  // Skips digits, and underscores between two of them.
  template <class IsDigit>
  void digits(std::size_t& length, IsDigit is) const {
    while (is(peek(length)) ||
           (peek(length) == '_' && length > 0 && is(text_[at_ + length - 1]) && is(peek(length + 1))))
      ++length;
  }

  // A number, or a duration such as 1h30m.
  bool number() {
    std::size_t length = 0;
    if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) {
      length = 2;
      digits(length, is_hex);
    } else {
      digits(length, is_digit);
      const std::size_t integer = length;
      if (peek(length) == '.') {
        ++length;
        digits(length, is_digit);
      }
      if (peek(length) == 'e' || peek(length) == 'E') {
        ++length;
        if (peek(length) == '+' || peek(length) == '-') ++length;
        digits(length, is_digit);
      }
      if (integer == length && is_alpha(peek(length))) {
        while (is_alpha(peek(length)) || is_digit(peek(length))) ++length;
        if (!is_duration(text_.substr(at_, length))) return bad_number(length);
        emit(TokenKind::duration, length);
        return true;
      }
    }
    if (is_alpha(peek(length))) return bad_number(length + 1);
    emit(TokenKind::number, length);
    return true;
  }

  bool bad_number(std::size_t length) {
    return bad("bad number or duration syntax: " + quote(text_.substr(at_, length)), length);
  }

  // Digits and a unit, repeated; the units' order is checked where the value is read.
  static bool is_duration(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t digits = at;
      while (at < text.size() && is_digit(text[at])) ++at;
      if (at == digits || at == text.size()) return false;
      if (text.substr(at, 2) == "ms") {
        at += 2;
      } else if (std::string_view("smhdwy").find(text[at]) != std::string_view::npos) {
        ++at;
      } else {
        return false;
      }
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t parens_ = 0;
  bool in_braces_ = false, in_brackets_ = false;
  bool after_colon_ = false;  // inside brackets
  std::vector<Token> tokens_;
};

constexpr std::string_view kKeywords[] = {
    "and",     "or",     "unless",   "atan2",      "sum",         "avg",      "count",        "min",    "max",
    "group",   "stddev", "stdvar",   "topk",       "bottomk",     "quantile", "count_values", "offset", "by",
    "without", "on",     "ignoring", "group_left", "group_right", "bool",     "start",        "end"};

}  // namespace

std::vector<Token> tokenize(std::string_view text) {
  return Scanner(text).run();
}

bool is_metric_name(std::string_view text) {
  return !text.empty() && !is_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alpha(c) || is_digit(c) || c == ':'; });
}

bool is_label_name(std::string_view text) {
  return !text.empty() && !is_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alpha(c) || is_digit(c); });
}

std::string_view keyword_of(std::string_view word) {
  if (word.size() > 12) return {};
  const std::string lower = to_lower(word);
  const auto found = std::find(std::begin(kKeywords), std::end(kKeywords), lower);
  return found == std::end(kKeywords) ? std::string_view() : *found;
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::end:
      return "end of input";
    case TokenKind::bad:
      return token.message;
    case TokenKind::metric:
      return "metric identifier " + quote(token.text);
    case TokenKind::number:
      return "number " + quote(token.text);
    case TokenKind::duration:
      return "duration " + quote(token.text);
    case TokenKind::string:
      return "string " + quote(token.text);
    case TokenKind::op:
      return "<op:" + std::string(token.text) + ">";
    case TokenKind::identifier: {
      const std::string_view keyword = keyword_of(token.text);
      if (keyword.empty()) return "identifier " + quote(token.text);
      return "<" + std::string(keyword) + ">";
    }
    default:
      return quote(token.text);
  }
}

}  // namespace pgtend::promql
