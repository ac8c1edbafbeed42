#include "alerts/template_regex.hpp"

#include <re2/re2.h>

#include <cctype>

namespace pgtend::alerts::templates {

namespace {

RE2::Options quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

tl::unexpected<Error> bad(const RE2& regex) {
  return fail(Errc::parse, "error parsing regexp: " + regex.error());
}

// RE2's "\1" of "1" or a group's name; empty where there is no such group, as in Go.
std::string group_text(const RE2& regex, const std::string& name) {
  const bool number = name.size() == 1 && std::isdigit(static_cast<unsigned char>(name[0])) != 0;
  if (number) return name[0] - '0' <= regex.NumberOfCapturingGroups() ? "\\" + name : "";
  const auto found = regex.NamedCapturingGroups().find(name);
  return found == regex.NamedCapturingGroups().end() || found->second > 9 ? "" : "\\" + std::to_string(found->second);
}

// A replacement as Go writes it in RE2's words.
std::string rewritten(const RE2& regex, const std::string& with) {
  std::string out;
  for (std::size_t i = 0; i < with.size(); ++i) {
    if (with[i] != '$') {
      out += with[i] == '\\' ? std::string("\\\\") : std::string(1, with[i]);
      continue;
    }
    const bool braced = i + 1 < with.size() && with[i + 1] == '{';
    const std::size_t from = i + (braced ? 2 : 1);
    std::size_t end = from;
    while (end < with.size() && (std::isalnum(static_cast<unsigned char>(with[end])) != 0 || with[end] == '_')) ++end;
    if (end == from || (braced && (end == with.size() || with[end] != '}'))) {
      out += '$';
      if (i + 1 < with.size() && with[i + 1] == '$') ++i;
      continue;
    }
    out += group_text(regex, with.substr(from, end - from));
    i = braced ? end : end - 1;
  }
  return out;
}

}  // namespace

Result<bool> found_in(const std::string& pattern, const std::string& text) {
  const RE2 regex(pattern, quiet());
  if (!regex.ok()) return bad(regex);
  return RE2::PartialMatch(text, regex);
}

Result<std::string> replace_all(const std::string& pattern, const std::string& with, const std::string& text) {
  const RE2 regex(pattern, quiet());
  if (!regex.ok()) return bad(regex);
  std::string out = text;
  RE2::GlobalReplace(&out, regex, rewritten(regex, with));
  return out;
}

}  // namespace pgtend::alerts::templates
