#pragma once

#include <span>

#include "agent/base/embedded.hpp"

namespace pgtend::embedded {

// alerts/rules/*.yaml: the rules in the binary. Their unit tests (*_test.yaml) are not embedded.
std::span<const EmbeddedFile> rule_files();

// alerts/runbooks/*.md: what to do about each shipped rule.
std::span<const EmbeddedFile> runbook_files();

}  // namespace pgtend::embedded
