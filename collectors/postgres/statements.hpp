#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/rows.hpp"
#include "collectors/query.hpp"

// Texts of statements. Their numbers are data (collectors/postgres/statements.yaml); reading texts costs seven times as
// much, so they are asked for only when a query id was never seen.
namespace pgtend::collectors {

// Query ids of a numbers answer (column queryid) that `seen` does not hold, in the answer's order, at most `limit`.
[[nodiscard]] std::vector<std::int64_t> unseen_query_ids(const RowSet& numbers, const std::set<std::int64_t>& seen,
                                                         std::size_t limit = 500);

// Bytes of the file with all texts, which the server reads whole to give one of them: from the data directory, and as
// the server tells them to a role that may ask.
inline constexpr const char* kStatementTextsFile = "pg_stat_tmp/pgss_query_texts.stat";
// A boolean `may` about the second question.
[[nodiscard]] std::string may_ask_text_bytes_sql();
[[nodiscard]] std::string text_bytes_sql();

// Texts of the ids in $1::bigint[], one row per id. Errors: unsupported when the extension is not in this database.
[[nodiscard]] Result<std::string> statement_texts_sql(const ServerShape& shape);

// $1 of it.
[[nodiscard]] std::string bigint_array(const std::vector<std::int64_t>& ids);

// The answer as id -> text made safe; ids whose text this role may not see are left out.
[[nodiscard]] std::map<std::int64_t, std::string> statement_texts(const RowSet& rows);

// The text without comments and with every string constant emptied to '?'. Utility statements keep only their first two
// words: pg_stat_statements does not normalise them and they may hold passwords.
[[nodiscard]] std::string safe_statement_text(std::string_view text);

}  // namespace pgtend::collectors
