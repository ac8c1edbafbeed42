#include "tests/pg/collectors/held_work.hpp"

#include "tests/support/catch.hpp"

namespace pgtend::test {
namespace {

const PgCluster& furnished(const PgCluster& cluster) {
  // The index of thin is built anew by a function that sleeps as long as the session says.
  cluster.exec("shop", R"(
    CREATE TABLE wide AS SELECT g AS id, repeat('x', 50) AS note FROM generate_series(1, 20000) g;
    CREATE INDEX wide_both ON wide(id, note); ANALYZE wide;
    CREATE FUNCTION nap(int) RETURNS int IMMUTABLE LANGUAGE sql AS $$
      SELECT CASE WHEN pg_catalog.pg_sleep(coalesce(pg_catalog.current_setting('shop.nap', true), '0')::float8)
                       IS NOT NULL THEN $1 END$$;
    CREATE TABLE thin AS SELECT 1 AS id; CREATE INDEX ON thin(nap(id)))");
  return cluster;
}

}  // namespace

HeldWork::HeldWork(const PgCluster& cluster)
    : cluster_(furnished(cluster)),
      analyze_(cluster.session("shop")),
      full_(cluster.session("shop")),
      copy_(cluster.session("shop")),
      backup_(cluster.conninfo() + " replication=true") {
  const auto version = std::stoi(cluster.exec("shop", "SELECT current_setting('server_version_num')"));
  analyze_.exec("SET vacuum_cost_delay = '100ms'; SET vacuum_cost_limit = 1; SET vacuum_cost_page_hit = 100");
  analyze_.send("ANALYZE wide");
  full_.exec("SET shop.nap = '3600'");
  full_.send("VACUUM FULL thin");
  copy_.send("COPY (SELECT g, CASE WHEN g > 10 THEN pg_sleep(3600) END FROM generate_series(1, 20) g) TO STDOUT");
  // Nobody reads what it sends.
  backup_.send(version < 150'000 ? "BASE_BACKUP PROGRESS FAST" : "BASE_BACKUP (PROGRESS, CHECKPOINT 'fast')");
  const auto runs = [&](const std::string& what) {
    return eventually([&] { return cluster.exec("shop", "SELECT count(*) FROM pg_stat_progress_" + what) == "1"; });
  };
  REQUIRE(runs("analyze WHERE sample_blks_total > 0"));
  REQUIRE(runs("cluster WHERE phase = 'rebuilding index'"));
  REQUIRE(runs("basebackup WHERE phase = 'streaming database files'"));
  if (version >= 140'000) REQUIRE(runs("copy WHERE tuples_processed = 10"));
}

HeldWork::~HeldWork() {
  for (const auto* session : {&analyze_, &full_, &copy_, &backup_})
    cluster_.exec("postgres", "SELECT pg_terminate_backend(" + std::to_string(session->backend_pid()) + ")");
}

}  // namespace pgtend::test
