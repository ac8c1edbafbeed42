#pragma once

#include <vector>

#include "agent/base/result.hpp"
#include "alerts/template_value.hpp"

namespace pgtend::alerts::templates {

enum class Comparison { equal, not_equal, less, less_equal, greater, greater_equal };

// As Go's eq (with any of the others), ne, lt, le, gt and ge: only values of one kind compare, so 1 is not 1.0.
// Errors: invalid_argument.
[[nodiscard]] Result<bool> compare(Comparison comparison, const std::vector<Value>& arguments);

}  // namespace pgtend::alerts::templates
