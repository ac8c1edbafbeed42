#include "agent/model/mailbox.hpp"

#include <algorithm>

#include "agent/base/strings.hpp"

namespace pgtend {

namespace {

// Source: RFC 5321 section 4.5.3.1.3: 256 with its angle brackets.
constexpr std::size_t kLongestAddress = 254;

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// A character of an atom (RFC 5322 section 3.2.3), or of a UTF-8 letter.
bool is_atom_char(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-/=?^_`{|}~";
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return letter || static_cast<unsigned char>(c) >= 0x80 || kMarks.find(c) != std::string_view::npos;
}

bool is_dotted(std::string_view text) {
  return !text.empty() && text.front() != '.' && text.back() != '.' && text.find("..") == std::string_view::npos;
}

class MailboxParser {
 public:
  explicit MailboxParser(std::string_view text) : text_(text) {}

  Result<std::vector<Mailbox>> list() {
    std::vector<Mailbox> out;
    while (!skip_separators()) {
      auto mailbox = one();
      if (!mailbox) return fail(std::move(mailbox.error()));
      out.push_back(std::move(*mailbox));
      if (out.size() > kMostMailboxes)
        return fail(Errc::parse, "more than " + std::to_string(kMostMailboxes) +
                                     " mail addresses; have the mail server forward one address to all of them");
      skip_spaces();
      if (!at_end() && here() != ',') return wrong("a comma is missing between two mail addresses");
    }
    if (out.empty()) return fail(Errc::parse, "there is no mail address, such as dba@example.org");
    return out;
  }

 private:
  struct Word {
    std::string text;
    bool quoted = false;
  };

  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char here() const { return at_end() ? '\0' : text_[at_]; }
  void skip_spaces() {
    while (here() == ' ' || here() == '\t') ++at_;
  }
  // Whether nothing follows. Empty places between commas are allowed.
  bool skip_separators() {
    while (here() == ' ' || here() == '\t' || here() == ',') ++at_;
    return at_end();
  }
  [[nodiscard]] tl::unexpected<Error> wrong(const std::string& what) const {
    return fail(Errc::parse, what + " (at character " + std::to_string(at_ + 1) + ")");
  }

  // Between `open` and `close`, with backslashes taken as they are meant; no line ends.
  Result<std::string> enclosed(char close) {
    std::string out;
    for (++at_; !at_end() && here() != close; ++at_) {
      if (here() == '\\' && at_ + 1 < text_.size()) ++at_;
      if (static_cast<unsigned char>(here()) < ' ' && here() != '\t') return wrong("a control character");
      out += here();
    }
    if (at_end()) return wrong(std::string("the closing ") + close + " is missing");
    ++at_;
    return out;
  }

  // Names may have dots in them: "John Q. Public" (RFC 5322 section 4.1).
  Result<std::vector<Word>> words() {
    std::vector<Word> out;
    for (skip_spaces(); !at_end(); skip_spaces()) {
      if (here() == '"') {
        auto text = enclosed('"');
        if (!text) return fail(std::move(text.error()));
        out.push_back({std::move(*text), true});
        continue;
      }
      const auto from = at_;
      while (!at_end() && (is_atom_char(here()) || here() == '.')) ++at_;
      if (at_ == from) break;
      out.push_back({std::string(text_.substr(from, at_ - from)), false});
    }
    return out;
  }

  // Behind its @, the rest of an address.
  Result<std::string> address(const Word& local) {
    if (local.quoted ? local.text.find_first_of(" \t<>\"\\") != std::string::npos : !is_dotted(local.text))
      return wrong("the part before the @ is no mail name");
    ++at_;
    const auto from = at_;
    if (here() == '[') {
      while (!at_end() && here() != ']' && here() > ' ') ++at_;
      if (here() != ']') return wrong("the closing ] is missing");
      ++at_;
    } else {
      while (!at_end() && (is_atom_char(here()) || here() == '.')) ++at_;
      if (!is_dotted(text_.substr(from, at_ - from))) return wrong("a host is missing behind the @");
    }
    const auto name = local.quoted ? '"' + local.text + '"' : local.text;
    auto out = name + "@" + std::string(text_.substr(from, at_ - from));
    if (!is_ascii(out)) return wrong("a mail address has ASCII letters only; write a host in its xn-- form");
    if (out.size() > kLongestAddress) return wrong("a mail address has at most 254 bytes");
    return out;
  }

  Result<Mailbox> one() {
    auto before = words();
    if (!before) return fail(std::move(before.error()));
    if (here() == '<') return named(*before);
    if (here() == ':') return wrong("a group of addresses is not taken; list its addresses");
    if (here() != '@') return wrong("this is no mail address, such as dba@example.org or \"DBA\" <dba@example.org>");
    if (before->size() != 1) return wrong("the part before the @ is no mail name");
    auto found = address(before->front());
    if (!found) return fail(std::move(found.error()));
    Mailbox out{"", std::move(*found)};
    skip_spaces();
    if (here() != '(') return out;
    auto comment = enclosed(')');
    if (!comment) return fail(std::move(comment.error()));
    out.name = std::string(trim(*comment));
    return out;
  }

  Result<Mailbox> named(const std::vector<Word>& name) {
    ++at_;
    auto local = words();
    if (!local) return fail(std::move(local.error()));
    if (local->size() != 1 || here() != '@') return wrong("between < and > stands one mail address");
    auto found = address(local->front());
    if (!found) return fail(std::move(found.error()));
    skip_spaces();
    if (here() != '>') return wrong("the closing > is missing");
    ++at_;
    std::vector<std::string> parts;
    for (const auto& word : name) parts.push_back(word.text);
    return Mailbox{join(parts, " "), std::move(*found)};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Mailbox>> parse_mailboxes(std::string_view text) {
  return MailboxParser(text).list();
}

}  // namespace pgtend
