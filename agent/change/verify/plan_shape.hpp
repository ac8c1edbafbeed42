#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

// Plans of statements as a change remembers them: which nodes, relations and indexes, and what they are estimated to
// cost; no conditions, so that no value of anybody's data is in them.
namespace pgtend::change {

// The largest plan that is kept, in bytes of its text: some thirty nodes.
inline constexpr std::size_t kMostPlan = 8'000;

// {"plan": …, "summary": …} of what EXPLAIN (FORMAT JSON) gave, or {"error": …}.
[[nodiscard]] std::string plan_shape(const std::string& explained);
// {"error": …}: why there is no plan.
[[nodiscard]] std::string no_plan(const std::string& why);

// `plans`: JSON object of queryid -> what plan_shape gave. What is wrong with it, in words; empty: nothing.
[[nodiscard]] std::string flaw_of_plans(const std::string& plans);
// "statement 12: Seq Scan on orders, cost 4250 -> Index Scan using i on orders, cost 8.4", one for each statement whose
// plan is another after than before.
[[nodiscard]] std::vector<std::string> changed_plans(const std::string& before, const std::string& after);

// The relations that a plan_shape reads or writes, by their names alone; nullopt: it is no plan.
[[nodiscard]] std::optional<std::set<std::string>> relations_of(const std::string& shape);
// Whether two of them take other ways to their rows; what they cost does not count. False when one is no plan.
[[nodiscard]] bool differ(const std::string& shape, const std::string& other);

// The highest $n of a statement's text whose string constants are empty.
[[nodiscard]] int parameters_of(const std::string& text);

}  // namespace pgtend::change
