#pragma once

#include <string>
#include <vector>

#include "alerts/template_value.hpp"

namespace pgtend::alerts::templates {

// Go's fmt.Sprintf: the first argument is the format. Left out are `*`, argument indexes like [1], %b of a fraction,
// and the flag # but of %x, %o and %q.
[[nodiscard]] std::string go_printf(const std::vector<Value>& arguments);

}  // namespace pgtend::alerts::templates
