#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/promql/ast.hpp"

namespace pgtend::promql {

// A Prometheus that a rule file shall load into, by the oldest release that counts.
enum class Target { prom2_42, prom3 };

// "prom2.42", "prom3"; nullopt: no such target.
[[nodiscard]] std::optional<Target> target_of(std::string_view name);
// As people call it: "Prometheus 2.42".
[[nodiscard]] std::string_view to_string(Target target);

// One thing in an expression that a target does not know, or knows as something else.
struct Unknown {
  std::size_t offset = 0;  // bytes into the expression's text
  std::string what;        // "quoted names"
  std::string cure;        // what to write instead
};

// What of an expression the target would refuse or never match, in the order of the text. `expr` is parse(text).
[[nodiscard]] std::vector<Unknown> unknown_to(Target target, const Expr& expr, std::string_view text);

}  // namespace pgtend::promql
