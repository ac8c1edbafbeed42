#include "agent/model/regex.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace pgtend {

namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The group a reference after the dollar names, and how many bytes the reference has; length 0: no reference.
struct Reference {
  std::string_view name;
  std::size_t length = 0;
};

Reference reference_at(std::string_view text) {
  const bool braced = text.starts_with('{');
  const std::size_t begin = braced ? 1 : 0;
  std::size_t end = begin;
  while (end < text.size() && is_word(text[end])) ++end;
  if (end == begin || (braced && (end >= text.size() || text[end] != '}'))) return {};
  return {text.substr(begin, end - begin), braced ? end + 1 : end};
}

}  // namespace

Result<Regex> Regex::make(std::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_shared<const RE2>("(?s:" + std::string(pattern) + ")", options);
  if (!compiled->ok()) {
    return fail(Errc::parse, "bad regular expression \"" + std::string(pattern) + "\": " + compiled->error());
  }
  Regex regex;
  regex.regex_ = std::move(compiled);
  return regex;
}

std::optional<std::string> Regex::expand(std::string_view text, std::string_view replacement, std::size_t most) const {
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex_->NumberOfCapturingGroups()) + 1);
  const re2::StringPiece whole(text.data(), text.size());
  if (!regex_->Match(whole, 0, text.size(), RE2::ANCHOR_BOTH, groups.data(), static_cast<int>(groups.size()))) {
    return std::nullopt;
  }
  const auto group_of = [&](std::string_view name) -> std::size_t {
    std::size_t index = 0;
    const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (ec == std::errc() && end == name.data() + name.size()) return index;
    const auto found = regex_->NamedCapturingGroups().find(std::string(name));
    return found == regex_->NamedCapturingGroups().end() ? groups.size() : static_cast<std::size_t>(found->second);
  };
  std::string out;
  while (!replacement.empty() && out.size() <= most) {
    const std::size_t dollar = std::min(replacement.find('$'), replacement.size());
    out += replacement.substr(0, dollar);
    replacement.remove_prefix(dollar);
    if (replacement.empty()) break;
    replacement.remove_prefix(1);
    const Reference reference = reference_at(replacement);
    if (replacement.starts_with('$')) {
      out += '$';
      replacement.remove_prefix(1);
    } else if (reference.length == 0) {
      out += '$';
    } else {
      const std::size_t group = group_of(reference.name);
      if (group < groups.size()) out.append(groups[group].data(), groups[group].size());
      replacement.remove_prefix(reference.length);
    }
  }
  return out;
}

}  // namespace pgtend
