#pragma once

#include "agent/cli/context.hpp"

// What policy answers, for people.
namespace pgtend::cli {

[[nodiscard]] std::string policy_text(const Json& report);
[[nodiscard]] std::string simulation_text(const Json& simulation);
[[nodiscard]] std::string policy_backtest_text(const Json& backtest);

}  // namespace pgtend::cli
