#include "collectors/logs/line_prefix.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace pgtend::logs {

namespace {

constexpr std::array<std::string_view, 18> kWords{"LOG",    "ERROR",  "FATAL",  "WARNING", "PANIC",     "NOTICE",
                                                  "INFO",   "DETAIL", "HINT",   "QUERY",   "CONTEXT",   "STATEMENT",
                                                  "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4",  "BACKTRACE", "LOCATION"};
// Places tried for what users choose; a line that needs more is read by its severity alone.
constexpr int kMostTries = 200;
// A head further in is the text of somebody's.
constexpr std::size_t kLongestHead = 512;

// The word with its colon and two spaces, at the beginning of the text.
std::optional<LineHead> head_at(std::string_view text) {
  const auto colon = text.substr(0, 16).find(":  ");
  if (colon == std::string_view::npos) return std::nullopt;
  const auto word = text.substr(0, colon);
  if (word != "DEBUG5" && std::find(kWords.begin(), kWords.end(), word) == kWords.end()) return std::nullopt;
  return LineHead{word, {}, {}, text.substr(colon + 3)};
}

// The bytes that an escape is made of; nullptr: what users choose.
using Charset = bool (*)(char);
Charset charset_of(char escape) {
  switch (escape) {
    case 'p':
    case 'P':
    case 'l':
    case 'x':
    case 'Q':
      return [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '-'; };
    case 'e':
      return [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    case 'c':
    case 'n':
    case 'v':
      return [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '/'; };
    default:
      return nullptr;
  }
}

// "2026-11-27 14:04:21.798 UTC": its length at the beginning of the text, 0 for none.
std::size_t time_length(std::string_view text) {
  constexpr std::string_view kPattern = "dddd-dd-dd dd:dd:dd";
  if (text.size() < kPattern.size()) return 0;
  for (std::size_t i = 0; i < kPattern.size(); ++i) {
    const bool fits =
        kPattern[i] == 'd' ? std::isdigit(static_cast<unsigned char>(text[i])) != 0 : text[i] == kPattern[i];
    if (!fits) return 0;
  }
  const auto run = [&](std::size_t at, auto accepts) {
    while (at < text.size() && accepts(text[at])) ++at;
    return at;
  };
  auto at = run(kPattern.size(), [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.'; });
  if (at >= text.size() || text[at] != ' ') return 0;
  const auto zone = run(at + 1, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '-' || c == '_' || c == '/';
  });
  return zone > at + 1 ? zone : 0;
}

}  // namespace

struct LinePrefix::Attempt {
  std::string_view line;
  int tries = 0;
  LineHead head;
};

LinePrefix::LinePrefix(std::string_view prefix) {
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) parts_.push_back({0, std::move(literal)});
    literal.clear();
  };
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    if (prefix[i] != '%') {
      literal.push_back(prefix[i]);
      continue;
    }
    auto at = i + 1;
    while (at < prefix.size() && (prefix[at] == '-' || std::isdigit(static_cast<unsigned char>(prefix[at])) != 0)) ++at;
    // PostgreSQL leaves out a percent sign at the end.
    if (at >= prefix.size()) break;
    const bool padded = at > i + 1;
    i = at;
    if (prefix[at] == '%') {
      literal.push_back('%');
    } else if (std::string_view("abBcCdehilLmnpPqQrstuvx").find(prefix[at]) != std::string_view::npos) {
      end_literal();
      parts_.push_back({prefix[at], {}, padded});
    }
  }
  end_literal();
}

std::optional<LineHead> LinePrefix::match(std::string_view line) const {
  Attempt attempt{line, 0, {}};
  if (fit(attempt, 0, 0)) return attempt.head;
  const auto area = line.substr(0, kLongestHead);
  for (auto at = area.find(":  "); at != std::string_view::npos; at = area.find(":  ", at + 1)) {
    auto from = at;
    while (from > 0 && std::isalnum(static_cast<unsigned char>(area[from - 1])) != 0) --from;
    if (const auto head = head_at(line.substr(from))) return head;
  }
  return std::nullopt;
}

bool LinePrefix::fit(Attempt& attempt, std::size_t part, std::size_t at) const {
  if (++attempt.tries > kMostTries || at > attempt.line.size()) return false;
  if (part == parts_.size()) {
    const auto head = head_at(attempt.line.substr(at));
    if (!head) return false;
    attempt.head.word = head->word;
    attempt.head.rest = head->rest;
    return true;
  }
  const auto& one = parts_[part];
  if (one.escape != 0) return fit_escape(attempt, part, at);
  if (attempt.line.substr(at, one.literal.size()) != one.literal) return false;
  return fit(attempt, part + 1, at + one.literal.size());
}

bool LinePrefix::fit_escape(Attempt& attempt, std::size_t part, std::size_t at) const {
  const auto& one = parts_[part];
  const auto line = attempt.line;
  // Processes that serve no session write nothing of what follows.
  if (one.escape == 'q') {
    const auto before = attempt.head;
    if (fit(attempt, part + 1, at)) return true;
    attempt.head = before;
    return fit(attempt, parts_.size(), at);
  }
  const auto go_on = [&](std::size_t to) {
    if (one.padded && to < line.size() && line[to] == ' ') {
      const auto word = line.find_first_not_of(' ', to);
      if (word != std::string_view::npos && fit(attempt, part + 1, word)) return true;
    }
    return fit(attempt, part + 1, to);
  };
  if (one.padded)
    while (at < line.size() && line[at] == ' ') ++at;
  if (one.escape == 't' || one.escape == 'm' || one.escape == 's') {
    const auto length = time_length(line.substr(at));
    return length > 0 && go_on(at + length);
  }
  if (const auto accepts = charset_of(one.escape)) {
    auto to = at;
    while (to < line.size() && accepts(line[to])) ++to;
    const auto value = line.substr(at, to - at);
    if (one.escape == 'e') attempt.head.sqlstate = value;
    if (one.escape == 'Q') attempt.head.query_id = value;
    return go_on(to);
  }
  // Of what users choose, as little as makes the rest fit.
  const bool literal_next = part + 1 < parts_.size() && parts_[part + 1].escape == 0;
  if (!literal_next || one.padded) {
    for (auto to = at; to <= line.size() && attempt.tries <= kMostTries; ++to)
      if (go_on(to)) return true;
    return false;
  }
  const auto& next = parts_[part + 1].literal;
  for (auto to = line.find(next, at); to != std::string_view::npos && attempt.tries <= kMostTries;
       to = line.find(next, to + 1))
    if (fit(attempt, part + 1, to)) return true;
  return false;
}

}  // namespace pgtend::logs
