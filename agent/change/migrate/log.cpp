#include "agent/change/migrate/log.hpp"

#include "agent/base/strings.hpp"
#include "agent/store/sha256.hpp"

namespace pgtend::migrate {

namespace {

// Two runners may come here at once: the second finds what the first made, or fails on a name and tries again later.
constexpr const char* kTables =
    "BEGIN; SET LOCAL client_min_messages = warning; "
    "DO $do$ BEGIN IF pg_catalog.to_regnamespace('pgtend') IS NULL THEN CREATE SCHEMA pgtend; END IF; END $do$; "
    "CREATE TABLE IF NOT EXISTS pgtend.%_log (sequence bigint PRIMARY KEY, id text NOT NULL, name text NOT NULL, "
    "action text NOT NULL CHECK (action IN ('up', 'down', 'baseline')), checksum text NOT NULL, objects text NOT NULL, "
    "applied_by text NOT NULL, applied_at timestamptz NOT NULL, duration_ms bigint NOT NULL, "
    "system_identifier text NOT NULL, timeline integer NOT NULL, parent text NOT NULL, hash text NOT NULL); "
    "CREATE TABLE IF NOT EXISTS pgtend.%_progress (one boolean PRIMARY KEY DEFAULT true CHECK (one), "
    "id text NOT NULL, action text NOT NULL, checksum text NOT NULL, digests text NOT NULL, under_way text NOT NULL, "
    "objects text NOT NULL, error text NOT NULL, duration_ms bigint NOT NULL); COMMIT";

// A text with the name of the set in place of %.
std::string named(std::string_view text, const std::string& set) {
  std::string out;
  for (const char c : text) out += c == '%' ? set : std::string(1, c);
  return out;
}

std::optional<Action> parse_action(std::string_view text) {
  for (const auto action : {Action::up, Action::down, Action::baseline})
    if (to_string(action) == text) return action;
  return std::nullopt;
}

Result<LogRow> row_of(const RowSet& rows, std::size_t i) {
  const auto action = parse_action(rows.text(i, "action"));
  if (!action) return fail(Errc::corrupt, "the history holds an unknown action: " + rows.text(i, "action"));
  LogRow out;
  out.sequence = rows.integer(i, "sequence").value_or(0);
  out.id = rows.text(i, "id");
  out.name = rows.text(i, "name");
  out.action = *action;
  out.checksum = rows.text(i, "checksum");
  out.objects = rows.text(i, "objects");
  out.applied_by = rows.text(i, "applied_by");
  out.applied_at = from_ms(rows.integer(i, "applied_ms").value_or(0));
  out.duration_ms = rows.integer(i, "duration_ms").value_or(0);
  out.system_identifier = rows.text(i, "system_identifier");
  out.timeline = static_cast<int>(rows.integer(i, "timeline").value_or(0));
  out.parent = rows.text(i, "parent");
  out.hash = rows.text(i, "hash");
  return out;
}

Error with_grant(Error error, const std::string& user, const std::string& database) {
  if (error.code == Errc::permission)
    error.message +=
        "; cure: GRANT CREATE ON DATABASE " + quote_identifier(database) + " TO " + quote_identifier(user) +
        ", or where the schema is there: GRANT USAGE, CREATE ON SCHEMA pgtend TO " + quote_identifier(user);
  return error;
}

}  // namespace

std::string_view to_string(Action action) {
  switch (action) {
    case Action::up:
      return "up";
    case Action::down:
      return "down";
    case Action::baseline:
      return "baseline";
  }
  return "up";
}

std::string hash_of(const LogRow& row) {
  const std::vector<std::string> fields{row.parent,
                                        std::to_string(row.sequence),
                                        row.id,
                                        row.name,
                                        std::string(to_string(row.action)),
                                        row.checksum,
                                        row.objects,
                                        row.applied_by,
                                        std::to_string(to_ms(row.applied_at)),
                                        std::to_string(row.duration_ms),
                                        row.system_identifier,
                                        std::to_string(row.timeline)};
  return store::sha256_hex(join(fields, "\n"));
}

std::map<std::string, LogRow> Log::applied() const {
  std::map<std::string, LogRow> out;
  for (const auto& row : rows) {
    if (row.action == Action::down) {
      out.erase(row.id);
    } else {
      out[row.id] = row;
    }
  }
  return out;
}

std::string Log::broken() const {
  std::string parent;
  std::int64_t expected = 0;
  for (const auto& row : rows) {
    const auto at = "row " + std::to_string(row.sequence) + " (" + row.id + ")";
    if (row.sequence != ++expected) return at + " follows row " + std::to_string(expected - 1);
    if (row.parent != parent) return at + " does not name the row before it";
    if (hash_of(row) != row.hash) return at + " was changed after it was written";
    parent = row.hash;
  }
  return {};
}

net::TaskResult<RowSet> make_tables(pg::Connection* connection, std::string set, Deadline deadline) {
  const std::string look = named(
      "SELECT pg_catalog.to_regclass('pgtend.%_log') IS NOT NULL AND "
      "pg_catalog.to_regclass('pgtend.%_progress') IS NOT NULL AS there",
      set);
  const std::string make = named(kTables, set), back = "ROLLBACK";
  const pg::Params none;
  auto there = co_await connection->query(look, none, deadline);
  if (!there || there->boolean(0, "there")) co_return there;
  auto made = co_await connection->execute(make, deadline);
  if (made) co_return made;
  if (connection->in_transaction()) {
    auto rolled = co_await connection->execute(back, deadline);
    if (!rolled) co_return rolled;
  }
  co_return fail(with_grant(std::move(made.error()), connection->user(), connection->database()),
                 named("make pgtend.%_log", set));
}

net::TaskResult<Log> read_log(pg::Connection* connection, std::string set, Deadline deadline) {
  const std::string look = named("SELECT pg_catalog.to_regclass('pgtend.%_log') IS NOT NULL AS there", set);
  const std::string list = named(
      "SELECT *, pg_catalog.round(extract(epoch FROM applied_at) * 1000)::bigint AS applied_ms "
      "FROM pgtend.%_log ORDER BY sequence",
      set);
  const std::string one = named("SELECT * FROM pgtend.%_progress", set);
  const pg::Params none;
  Log out;
  auto there = co_await connection->query(look, none, deadline);
  if (!there) co_return fail(std::move(there.error()), named("look for pgtend.%_log", set));
  if (!there->boolean(0, "there")) co_return out;
  auto rows = co_await connection->query(list, none, deadline);
  if (!rows)
    co_return fail(with_grant(std::move(rows.error()), connection->user(), connection->database()),
                   named("read pgtend.%_log", set));
  for (std::size_t i = 0; i < rows->size(); ++i) {
    auto row = row_of(*rows, i);
    if (!row) co_return fail(std::move(row.error()));
    out.rows.push_back(std::move(*row));
  }
  auto progress = co_await connection->query(one, none, deadline);
  if (!progress) co_return fail(std::move(progress.error()), named("read pgtend.%_progress", set));
  if (progress->size() == 0) co_return out;
  Progress p;
  p.id = progress->text(0, "id");
  p.action = progress->text(0, "action");
  p.checksum = progress->text(0, "checksum");
  if (const auto digests = progress->text(0, "digests"); !digests.empty()) p.digests = split(digests, ' ');
  p.under_way = progress->text(0, "under_way");
  p.objects = progress->text(0, "objects");
  p.error = progress->text(0, "error");
  p.duration_ms = progress->integer(0, "duration_ms").value_or(0);
  out.progress = std::move(p);
  co_return out;
}

net::TaskResult<LogRow> append(pg::Connection* connection, std::string set, LogRow row, Deadline deadline) {
  const std::string last = named("SELECT sequence, hash FROM pgtend.%_log ORDER BY sequence DESC LIMIT 1", set);
  const std::string put = named(
      "INSERT INTO pgtend.%_log VALUES ($1, $2, $3, $4, $5, $6, $7, pg_catalog.to_timestamp($8::bigint / 1000.0), "
      "$9, $10, $11, $12, $13)",
      set);
  const pg::Params none;
  auto newest = co_await connection->query(last, none, deadline);
  if (!newest) co_return fail(std::move(newest.error()), named("read pgtend.%_log", set));
  row.sequence = newest->integer(0, "sequence").value_or(0) + 1;
  row.parent = newest->text(0, "hash");
  row.hash = hash_of(row);
  const pg::Params fields{std::to_string(row.sequence),
                          row.id,
                          row.name,
                          std::string(to_string(row.action)),
                          row.checksum,
                          row.objects,
                          row.applied_by,
                          std::to_string(to_ms(row.applied_at)),
                          std::to_string(row.duration_ms),
                          row.system_identifier,
                          std::to_string(row.timeline),
                          row.parent,
                          row.hash};
  auto done = co_await connection->query(put, fields, deadline);
  if (!done) co_return fail(std::move(done.error()), named("write pgtend.%_log", set));
  co_return row;
}

net::TaskResult<RowSet> put_progress(pg::Connection* connection, std::string set, Progress p, Deadline deadline) {
  const std::string sql = named(
      "INSERT INTO pgtend.%_progress VALUES (true, $1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (one) DO UPDATE "
      "SET "
      "id = $1, action = $2, checksum = $3, digests = $4, under_way = $5, objects = $6, error = $7, duration_ms = $8",
      set);
  const pg::Params fields{p.id,        p.action,  p.checksum, join(p.digests, " "),
                          p.under_way, p.objects, p.error,    std::to_string(p.duration_ms)};
  auto done = co_await connection->query(sql, fields, deadline);
  if (!done) co_return fail(std::move(done.error()), named("write pgtend.%_progress", set));
  co_return done;
}

net::TaskResult<RowSet> clear_progress(pg::Connection* connection, std::string set, Deadline deadline) {
  const std::string sql = named("DELETE FROM pgtend.%_progress", set);
  const pg::Params none;
  auto done = co_await connection->query(sql, none, deadline);
  if (!done) co_return fail(std::move(done.error()), named("write pgtend.%_progress", set));
  co_return done;
}

}  // namespace pgtend::migrate
