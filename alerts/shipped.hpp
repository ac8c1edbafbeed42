#pragma once

#include <span>
#include <string_view>

#include "agent/base/embedded.hpp"

namespace pgtend::embedded {

// How the file of a rule in the binary begins, unlike the path of a user's.
inline constexpr std::string_view kShippedRules = "alerts/rules/";

// alerts/rules/*.yaml: the rules in the binary. Their unit tests (*_test.yaml) are not embedded.
std::span<const EmbeddedFile> rule_files();

// alerts/runbooks/*.md: what to do about each shipped rule.
std::span<const EmbeddedFile> runbook_files();

}  // namespace pgtend::embedded
