#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/model/advice.hpp"

namespace pgtend::change {

// SHA-256, 64 hex digits, over the frozen parts of a plan: where, what, the statements both ways, as which role and
// with which lock. An approval binds to it. Estimates and the verdict's target set are left out: they move with each
// reading of the statistics while what would be executed stays the same.
[[nodiscard]] std::string plan_hash(const ProposedChange& plan);

// First key of every advisory lock of the pipeline: "pgtd" in ASCII.
inline constexpr std::int32_t kLockClass = 0x70677464;
// Second key of an object's lock; never 0, which is the whole database's ("somebody acts here").
// Stable across versions and architectures (FNV-1a 32): two agents must agree on it.
[[nodiscard]] std::int32_t lock_key(std::string_view object);

}  // namespace pgtend::change
