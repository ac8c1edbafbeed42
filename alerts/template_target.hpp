#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace pgtend::alerts {

// Where a template first has {{else with}}, in bytes from its start. Go's templates have it since 1.23, and so
// Prometheus since 3.0; nullopt: it has none, or is wrong for every target.
[[nodiscard]] std::optional<std::size_t> else_with(std::string_view text);

}  // namespace pgtend::alerts
