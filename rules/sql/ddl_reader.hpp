#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/sql/ddl.hpp"
#include "rules/sql/tokens.hpp"
#include "rules/sql/tree.hpp"

// Inside rules/sql only: from one statement's tree to its actions.
namespace pgtend::sql {

[[nodiscard]] ObjectName relation_name(const Json& range_var);
// Of a list of String nodes: schema and name are its last two.
[[nodiscard]] ObjectName listed_name(const Json& list);
[[nodiscard]] ColumnDef read_column(const Json& column, std::string_view text, std::size_t end);
[[nodiscard]] ConstraintDef read_constraint(const Json& constraint);
[[nodiscard]] bool flag_of(const Json& node, const char* key);

// `tokens`: of `text`, comments included. The actions of ALTER TABLE and of everything else.
[[nodiscard]] std::vector<Action> read_alter_table(const Json& statement, std::string_view text,
                                                   const std::vector<Token>& tokens);
[[nodiscard]] std::vector<Action> read_actions(const Json& statement, std::string_view text,
                                               const std::vector<Token>& tokens);

}  // namespace pgtend::sql
