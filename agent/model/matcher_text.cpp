#include "agent/model/matcher_text.hpp"

#include <algorithm>
#include <optional>

#include "agent/base/strings.hpp"

namespace pgtend {

namespace {

bool is_name_char(char c, bool first) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
  return letter || (!first && c >= '0' && c <= '9');
}

struct Operator {
  std::string_view text;
  MatchOp op;
};
// The longer spellings first.
constexpr Operator kOperators[]{
    {"=~", MatchOp::regex}, {"!~", MatchOp::not_regex}, {"!=", MatchOp::not_equal}, {"=", MatchOp::equal}};

std::string_view spelling(MatchOp op) {
  for (const auto& each : kOperators)
    if (each.op == op) return each.text;
  return "=";
}

Result<std::string> unquote(std::string_view raw, std::string_view whole) {
  const auto bad = [&](const std::string& why) {
    return fail(Errc::parse, "matcher " + std::string(whole) + ": " + why);
  };
  const bool quoted = raw.starts_with('"');
  if (quoted) raw.remove_prefix(1);
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '"') {
      if (quoted && i + 1 == raw.size()) return out;
      return bad("an unescaped double quote inside the value");
    }
    if (c != '\\' || i + 1 == raw.size()) {
      out += c;
      continue;
    }
    const char next = raw[++i];
    if (next == 'n') {
      out += '\n';
    } else if (next == '"' || next == '\\') {
      out += next;
    } else {
      // A regular expression's own escape.
      out += c;
      out += next;
    }
  }
  if (quoted) return bad("the double quote is not closed");
  return out;
}

Result<Matcher> parse_one(std::string_view text) {
  const auto whole = trim(text);
  std::size_t end = 0;
  while (end < whole.size() && is_name_char(whole[end], end == 0)) ++end;
  const std::string name(whole.substr(0, end));
  auto rest = trim(whole.substr(end));
  const auto found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                  [&](const Operator& each) { return rest.starts_with(each.text); });
  if (name.empty() || found == std::end(kOperators))
    return fail(Errc::parse, "'" + std::string(whole) + "' is no matcher; write label=\"value\" with =, !=, =~ or !~");
  auto value = unquote(trim(rest.substr(found->text.size())), whole);
  if (!value) return fail(std::move(value.error()));
  return Matcher::make(name, found->op, std::move(*value));
}

// Splits at commas outside quotes.
std::vector<std::string_view> pieces(std::string_view text) {
  std::vector<std::string_view> out;
  std::size_t from = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      inside = !inside;
    } else if (text[i] == ',' && !inside) {
      out.push_back(text.substr(from, i - from));
      from = i + 1;
    }
  }
  out.push_back(text.substr(from));
  if (trim(out.back()).empty()) out.pop_back();
  return out;
}

}  // namespace

Result<std::vector<Matcher>> parse_matchers(std::string_view text) {
  auto body = trim(text);
  if (body.starts_with('{') != body.ends_with('}') && body.starts_with('{'))
    return fail(Errc::parse, "'" + std::string(body) + "': the brace is not closed");
  if (body.starts_with('{')) body = body.substr(1, body.size() - 2);
  std::vector<Matcher> out;
  for (const auto piece : pieces(body)) {
    auto matcher = parse_one(piece);
    if (!matcher) return fail(std::move(matcher.error()));
    out.push_back(std::move(*matcher));
  }
  return out;
}

std::string to_string(const Matcher& matcher) {
  std::string out = matcher.label();
  out += spelling(matcher.op());
  out += '"';
  for (const char c : matcher.value()) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string to_string(const std::vector<Matcher>& matchers) {
  std::vector<std::string> each;
  for (const auto& matcher : matchers) each.push_back(to_string(matcher));
  return "{" + join(each, ",") + "}";
}

bool match_all(const std::vector<Matcher>& matchers, const Labels& labels) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const Matcher& matcher) { return matcher.matches(labels.get(matcher.label())); });
}

}  // namespace pgtend
