// The first acts: the shop opens, the agent comes, an alert fires and resolves.
#include <cmath>

#include "agent/base/units.hpp"
#include "agent/cli/demo/stage.hpp"

namespace pgtend::cli::demo {

namespace {

constexpr const char* kAlert = "DemoIdleInTransaction";

Result<void> start_server(Stage& stage) {
  stage.step = "server";
  stage.timeline.waiting("initdb, start and fill a private PostgreSQL");
  auto folder = Folder::make();
  if (!folder) return fail(std::move(folder.error()));
  stage.folder.emplace(std::move(*folder));
  auto cluster = Cluster::start(stage.folder->path());
  if (!cluster) return fail(std::move(cluster.error()));
  stage.cluster.emplace(std::move(*cluster));
  if (auto filled = stage.cluster->fill(); !filled) return fail(std::move(filled.error()), "fill the shop");
  auto eye = stage.cluster->superuser();
  if (!eye) return fail(std::move(eye.error()));
  stage.eye.emplace(std::move(*eye));

  auto facts = stage.eye->run(R"(
    SELECT current_setting('server_version') AS version, (SELECT count(*) FROM orders) AS orders,
           pg_database_size(current_database()) AS bytes,
           (SELECT string_agg(extname || ' ' || extversion, ', ' ORDER BY extname) FROM pg_extension
            WHERE extname IN ('pg_stat_statements', 'hypopg')) AS extensions,
           (SELECT sum(orders) FROM sales_by_day) AS in_view)");
  if (!facts) return fail(std::move(facts.error()));
  stage.view_rows_at_start = facts->number(0, "in_view").value_or(0);
  if (facts->text(0, "extensions").find("hypopg") == std::string::npos ||
      facts->text(0, "extensions").find("pg_stat_statements") == std::string::npos)
    return fail(Errc::unsupported,
                "pg_stat_statements and hypopg are not both installed (apt-get install "
                "postgresql-15-hypopg); there is: " +
                    facts->text(0, "extensions"));
  const double bytes = facts->number(0, "bytes").value_or(0);
  stage.timeline.done("server",
                      "PostgreSQL " + facts->text(0, "version") + " with a shop of " + facts->text(0, "orders") +
                          " orders (" + format_bytes(bytes) + ")",
                      {{"version", facts->text(0, "version")},
                       {"orders", facts->integer(0, "orders").value_or(0)},
                       {"database_bytes", bytes},
                       {"extensions", facts->text(0, "extensions")}},
                      {facts->text(0, "extensions") + "; roles of pgtend from packaging/sql/roles.sql"});
  return {};
}

Result<void> start_workload(Stage& stage) {
  stage.step = "workload";
  auto workload = Workload::start(*stage.cluster);
  if (!workload) return fail(std::move(workload.error()));
  stage.workload.emplace(std::move(*workload));
  const double began = stage.timeline.elapsed_seconds();
  const auto busy = [&]() -> Result<bool> {
    return stage.eye->holds(R"(
      SELECT count(DISTINCT queryid) >= 14 FROM pg_stat_statements
      WHERE userid = 'shop_web'::regrole AND calls > 3)");
  };
  if (auto ok = wait_for(stage, "the shop's clients are at work", Millis(30'000), busy); !ok) return ok;
  const auto counts = stage.workload->counts();
  const double rate = static_cast<double>(counts.statements) / std::max(0.1, stage.timeline.elapsed_seconds() - began);
  stage.timeline.done("workload",
                      std::to_string(counts.clients) + " clients, about " + shown(rate, 0) +
                          " statements/s: look-ups by "
                          "primary key, orders by customer, stock updates, checkouts, a dashboard",
                      {{"clients", counts.clients}, {"statements_per_second", std::round(rate)}});
  return {};
}

}  // namespace

Result<void> open_shop(Stage& stage) {
  if (auto ok = start_server(stage); !ok) return ok;
  return start_workload(stage);
}

Result<void> start_agent(Stage& stage) {
  stage.step = "agent";
  auto sink = Sink::start();
  if (!sink) return fail(std::move(sink.error()));
  stage.sink.emplace(std::move(*sink));
  auto agent = Tended::start(stage.folder->path(), *stage.cluster, *stage.sink);
  if (!agent) return fail(std::move(agent.error()));
  stage.agent.emplace(std::move(*agent));
  const auto ready = [&]() -> Result<bool> {
    auto answer = stage.agent->get("/ready");
    if (!answer) return fail(std::move(answer.error()));
    return stage.eye->holds("SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'pgtend_monitor'");
  };
  if (auto ok = wait_for(stage, "the agent connects", Millis(30'000), ready); !ok) return ok;
  auto plain = stage.eye->holds(
      "SELECT count(*) >= 2 AND NOT bool_or(rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR "
      "rolbypassrls) "
      "FROM pg_roles WHERE rolname LIKE 'pgtend_%'");
  if (!plain) return fail(std::move(plain.error()));
  if (!*plain) return fail(Errc::internal, "a role of pgtend has more rights than it should");
  stage.agent_ready_at = stage.timeline.elapsed_seconds();
  stage.timeline.done(
      "agent",
      "connected as pgtend_monitor and pgtend_operator, neither a superuser; answers at " + stage.agent->address(),
      {{"pid", stage.agent->pid()}, {"address", stage.agent->address()}});

  stage.step = "first_samples";
  cli::Json seen;
  const auto sampled = [&]() -> Result<bool> {
    auto answer =
        stage.agent->get("/v1/query?expr=" + url_encode("pgtend_table_rows_updated_total{relname=\"stock\"}"));
    if (!answer) return fail(std::move(answer.error()));
    if ((*answer)["item"]["series"].empty()) return false;
    seen = (*answer)["item"]["series"][0]["samples"][0][1];
    return seen.is_number() && seen.get<double>() > 0;
  };
  if (auto ok = wait_for(stage, "first samples", Millis(45'000), sampled); !ok) return ok;
  auto truth = stage.eye->number("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'stock'");
  if (!truth) return fail(std::move(truth.error()));
  const double sampled_updates = seen.get<double>();
  if (sampled_updates > *truth)
    return fail(Errc::internal, "the agent counts more updates of stock than PostgreSQL: " + shown(sampled_updates, 0) +
                                    " of " + shown(*truth, 0));
  auto status = stage.agent->get("/v1/status");
  if (!status) return fail(std::move(status.error()));
  const auto& item = (*status)["item"];
  std::size_t collectors = 0;
  for (const auto& each : item["collectors"]) collectors += each["status"] == "ok" ? 1 : 0;
  stage.timeline.done("first_samples",
                      std::to_string(item["cost"]["series"].get<std::int64_t>()) + " series from " +
                          std::to_string(collectors) + " collectors; stock: " + shown(sampled_updates, 0) +
                          " updates sampled, " + shown(*truth, 0) + " a moment later in PostgreSQL",
                      {{"series", item["cost"]["series"]},
                       {"collectors", collectors},
                       {"stock_updates_sampled", sampled_updates},
                       {"stock_updates_in_postgresql", *truth},
                       {"state", item["state"]}});
  return {};
}

Result<void> raise_alert(Stage& stage) {
  stage.step = "alert_firing";
  auto forgotten = Session::open(stage.cluster->conninfo("shop_web", "forgotten-terminal"));
  if (!forgotten) return fail(std::move(forgotten.error()));
  if (auto begun = forgotten->run("BEGIN; UPDATE coupons SET percent = percent WHERE code = 1"); !begun)
    return fail(std::move(begun.error()));
  const double began = stage.timeline.elapsed_seconds();
  constexpr const char* kIdle =
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'forgotten-terminal' AND state = 'idle in "
      "transaction'";
  const auto arrived = [&](const std::string& status, Received& found) {
    for (const auto& each : stage.sink->received()) {
      if (each.alertname != kAlert || each.status != status) continue;
      found = each;
      return true;
    }
    return false;
  };
  Received firing, resolved;
  const auto fires = [&]() -> Result<bool> { return arrived("firing", firing); };
  if (auto ok =
          wait_for(stage, "an alert about a session that was left idle inside a transaction", Millis(60'000), fires);
      !ok)
    return ok;
  auto idle = stage.eye->number(kIdle);
  if (!idle) return fail(std::move(idle.error()));
  if (*idle != 1) return fail(Errc::internal, "the alert fired, but PostgreSQL shows no such session");
  stage.timeline.done(
      "alert_firing", firing.summary,
      {{"alertname", kAlert},
       {"summary", firing.summary},
       {"after_seconds", std::round((stage.timeline.elapsed_seconds() - began) * 10) / 10}},
      {"arrived at the webhook " + shown(stage.timeline.elapsed_seconds() - began) + " s after the session went idle"});

  stage.step = "alert_resolved";
  if (auto ended = forgotten->run("COMMIT"); !ended) return fail(std::move(ended.error()));
  const double over = stage.timeline.elapsed_seconds();
  const auto resolves = [&]() -> Result<bool> { return arrived("resolved", resolved); };
  if (auto ok = wait_for(stage, "the alert resolves", Millis(60'000), resolves); !ok) return ok;
  idle = stage.eye->number(kIdle);
  if (!idle) return fail(std::move(idle.error()));
  if (*idle != 0) return fail(Errc::internal, "the alert resolved, but the session is still idle in its transaction");
  const double seconds = stage.timeline.elapsed_seconds() - over;
  stage.timeline.done("alert_resolved", "the session committed; resolved at the webhook " + shown(seconds) + " s later",
                      {{"alertname", kAlert}, {"after_seconds", std::round(seconds * 10) / 10}});
  return {};
}

}  // namespace pgtend::cli::demo
