#include "rules/sql/tokens.hpp"

#include <pg_query.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "agent/base/strings.hpp"

namespace pgtend::sql {

namespace {

// The scanner answers in protobuf: ScanResult{2: ScanToken{1: start, 2: end, 4: token, 5: keyword kind}}.
// Source: protobuf/pg_query.proto of libpg_query; a reader for varints and nested messages is all that takes.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool done() const { return at_ >= bytes_.size() || bad_; }
  [[nodiscard]] bool bad() const { return bad_; }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ >= bytes_.size()) break;
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    bad_ = true;
    return 0;
  }

  std::string_view message() {
    const std::uint64_t length = varint();
    if (bad_ || length > bytes_.size() - at_) {
      bad_ = true;
      return {};
    }
    const auto out = bytes_.substr(at_, length);
    at_ += length;
    return out;
  }

  void skip(std::uint64_t wire) {
    if (wire == 0) {
      varint();
    } else if (wire == 2) {
      message();
    } else {
      bad_ = true;
    }
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool bad_ = false;
};

bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Token::Kind kind_from(std::string_view text, bool keyword) {
  if (text.starts_with("--") || text.starts_with("/*")) return Token::Kind::comment;
  const char c = text.front();
  const auto quote = text.find('\'');
  // 'x', E'x', B'0', X'f', N'x', U&'x', and $tag$x$tag$.
  if (quote <= 2 && text.back() == '\'' && (quote == 0 || is_word_start(c))) return Token::Kind::string;
  if (c == '$' && text.size() > 1 && is_digit(text[1])) return Token::Kind::parameter;
  if (c == '$' && text.size() > 1 && text.back() == '$') return Token::Kind::string;
  if (is_digit(c) || (c == '.' && text.size() > 1 && is_digit(text[1]))) return Token::Kind::number;
  if (keyword) return Token::Kind::keyword;
  if (is_word_start(c) || c == '"') return Token::Kind::word;
  return Token::Kind::other;
}

std::optional<Token> read_token(std::string_view message, std::string_view text) {
  Reader reader(message);
  std::uint64_t start = 0, end = 0, keyword = 0;
  while (!reader.done()) {
    const std::uint64_t tag = reader.varint();
    if (tag == 8) {
      start = reader.varint();
    } else if (tag == 16) {
      end = reader.varint();
    } else if (tag == 40) {
      keyword = reader.varint();
    } else {
      reader.skip(tag & 7);
    }
  }
  if (reader.bad() || start >= end || end > text.size()) return std::nullopt;
  Token token;
  token.start = start;
  token.end = end;
  const auto written = text.substr(start, end - start);
  token.kind = kind_from(written, keyword != 0);
  const bool folds = token.kind == Token::Kind::keyword || (token.kind == Token::Kind::word && written.front() != '"');
  token.text = folds ? to_lower(written) : std::string(written);
  if (token.kind == Token::Kind::parameter) {
    const auto digits = written.substr(1);
    std::from_chars(digits.data(), digits.data() + digits.size(), token.parameter);
  }
  return token;
}

}  // namespace

Result<std::vector<Token>> scan(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes)
    return fail(Errc::resource_exhausted, "the statement is longer than " + std::to_string(max_bytes / 1024) + " kB");
  if (text.find('\0') != std::string_view::npos) return fail(Errc::parse, "the statement holds a zero byte");
  const std::string copy(text);
  const PgQueryScanResult scanned = pg_query_scan(copy.c_str());
  if (scanned.error != nullptr) {
    auto error = fail(Errc::parse, scanned.error->message != nullptr ? scanned.error->message : "cannot be scanned");
    pg_query_free_scan_result(scanned);
    return error;
  }
  std::vector<Token> out;
  Reader reader(std::string_view(scanned.pbuf.data, scanned.pbuf.len));
  bool bad = false;
  while (!reader.done() && !bad) {
    const std::uint64_t tag = reader.varint();
    if (tag != 18) {
      reader.skip(tag & 7);
      continue;
    }
    auto token = read_token(reader.message(), copy);
    bad = !token;
    if (token) out.push_back(std::move(*token));
  }
  bad = bad || reader.bad();
  pg_query_free_scan_result(scanned);
  if (bad) return fail(Errc::parse, "the scanner's tokens cannot be read");
  return out;
}

int highest_parameter(const std::vector<Token>& tokens) {
  int out = 0;
  for (const auto& token : tokens) out = std::max(out, token.parameter);
  return out;
}

}  // namespace pgtend::sql
