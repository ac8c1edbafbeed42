#pragma once

#include <string_view>

// The statements behind fact_queries().
namespace pgtend::collectors::facts {

extern const std::string_view kDatabaseSql, kSettingsSql, kRolesSql, kTablesSql, kColumnsSql, kIndexesSql,
    kIndexDefinitionsSql, kForeignKeysSql, kMatviewsSql, kMatviewBasesSql, kStatementsSql, kStatementsInfoSql,
    kPartitionsSql, kStrayKeysSql;

}  // namespace pgtend::collectors::facts
