#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "agent/base/clock.hpp"

// How single fields are spelled; private to the encoders of this folder.
namespace pgtend::api {

// RFC 3339, or null.
[[nodiscard]] nlohmann::json time_field(const std::optional<UtcTime>& time);
// Seconds as a number.
[[nodiscard]] nlohmann::json seconds_field(Millis value);

}  // namespace pgtend::api
