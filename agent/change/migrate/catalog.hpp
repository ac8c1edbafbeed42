#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/net/task.hpp"
#include "agent/pg/connection.hpp"

// What a database's schemas hold, object by object, so that a change made by hand can be named.
namespace pgtend::migrate {

// "column public.orders.note" -> "text NOT NULL"; system schemas, pgtend's own and members of extensions are left out.
using Catalog = std::map<std::string, std::string>;
// The same with nullopt for what is gone.
using Objects = std::map<std::string, std::optional<std::string>>;

// Reads it in this session, and so in its transaction. Errors: the server's.
net::TaskResult<Catalog> read_catalog(pg::Connection* connection, Deadline deadline);

// What differs in `after`.
[[nodiscard]] Objects difference(const Catalog& before, const Catalog& after);

// The table that a column, constraint, trigger or policy belongs to, as its key; empty for other objects.
[[nodiscard]] std::string table_key_of(std::string_view key);

// As text and back: sorted, so that equal objects have equal texts. Errors of the second: corrupt.
[[nodiscard]] std::string to_text(const Objects& objects);
[[nodiscard]] Result<Objects> parse_objects(std::string_view text);

}  // namespace pgtend::migrate
