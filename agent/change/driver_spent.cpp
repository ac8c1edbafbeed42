#include <nlohmann/json.hpp>

#include "agent/base/log.hpp"
#include "agent/change/driver.hpp"
#include "agent/change/notes.hpp"

// What a change really costs: budgets are charged with this.
namespace pgtend::change {
namespace {

constexpr Millis kLook{5'000};
constexpr const char* kMeter = "meter";

// Bytes of the relation with its indexes, its TOAST and its partitions, and the server's position in the WAL.
const std::string kRead =
    "WITH relation AS (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "  WHERE n.nspname = $1 AND c.relname = $2), "
    "tree AS (SELECT oid FROM relation UNION SELECT t.relid FROM relation r, pg_partition_tree(r.oid) t) "
    "SELECT coalesce((SELECT sum(pg_total_relation_size(oid)) FROM tree), 0) AS bytes, "
    "  pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal";

net::TaskResult<nlohmann::json> look(pg::Connection* connection, std::optional<Relation> relation) {
  SessionAsker asker(connection, kLook);
  const auto names = relation.value_or(Relation{});
  const pg::Params params{names.schema, names.name};
  auto rows = co_await asker.ask(kRead, params);
  if (!rows) co_return fail(std::move(rows.error()), "measure the cost");
  nlohmann::json out;
  out["bytes"] = rows->number(0, "bytes").value_or(0);
  out["wal"] = rows->number(0, "wal").value_or(0);
  co_return out;
}

std::int64_t growth(const nlohmann::json& before, const nlohmann::json& after, const char* what) {
  return static_cast<std::int64_t>(std::max(0.0, after.value(what, 0.0) - before.value(what, 0.0)));
}

}  // namespace

net::Task<void> Driver::read_meter(pg::Connection* connection) {
  auto seen = co_await look(connection, kind().grows(change_.plan));
  if (!seen) {
    log::warn("cost not measured", {{"change", change_.id}, {"error", seen.error().describe()}});
    co_return;
  }
  (*seen)["at"] = to_rfc3339(core_->parts.clock.now());
  Notes notes(change_.evidence_before);
  notes.set_object(kMeter, seen->dump());
  change_.evidence_before = notes.json();
}

net::Task<void> Driver::charge(pg::Connection* connection, bool watched) {
  Notes notes(change_.evidence_before);
  const auto before = nlohmann::json::parse(notes.object(kMeter));
  const auto began = parse_rfc3339(before.value("at", std::string()));
  if (!began || !connection->healthy()) co_return;
  auto after = co_await look(connection, kind().grows(change_.plan));
  CostEstimate cost = change_.plan.cost;
  if (after) cost.bytes = growth(before, *after, "bytes");
  // How long it ran while nobody looked is not known, nor what else wrote WAL since.
  if (after && watched) cost.wal_bytes = growth(before, *after, "wal");
  const std::chrono::duration<double> elapsed = core_->parts.clock.now() - *began;
  if (watched) cost.seconds = std::max(0.0, elapsed.count());
  auto total = change_.spent.value_or(CostEstimate{});
  total.bytes += cost.bytes;
  total.seconds += cost.seconds;
  total.wal_bytes += cost.wal_bytes;
  change_.spent = total;
  notes.set_object(kMeter, "{}");
  change_.evidence_before = notes.json();
}

}  // namespace pgtend::change
