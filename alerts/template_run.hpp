#pragma once

#include <string>

#include "agent/base/result.hpp"
#include "alerts/template_ast.hpp"
#include "alerts/template_functions.hpp"

namespace pgtend::alerts::templates {

struct RunInput {
  const Labels& labels;
  const Labels& external_labels;
  double value;
  Surroundings around;
};

// The text that a tree makes. Errors: invalid_argument in Go's words, resource_exhausted when it is longer than a text
// for people can be or takes too many steps.
[[nodiscard]] Result<std::string> run(const ParsedText& text, const RunInput& input);

}  // namespace pgtend::alerts::templates
