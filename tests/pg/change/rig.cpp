#include "tests/pg/change/rig.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <map>

namespace pgtend::test {
namespace {

constexpr std::chrono::seconds kPatience{30};

}  // namespace

PgCluster& shared_cluster(int major) {
  static std::map<int, std::unique_ptr<PgCluster>> clusters;
  auto& cluster = clusters[major];
  if (!cluster) cluster = std::make_unique<PgCluster>(PgClusterOptions{.major = major});
  return *cluster;
}

void make_shop(PgCluster& cluster, int rows) {
  cluster.exec("postgres", "DROP DATABASE IF EXISTS shop WITH (FORCE)");
  cluster.exec("postgres", "CREATE DATABASE shop");
  cluster.exec(
      "shop",
      "CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text);"
      "INSERT INTO orders SELECT g, g % 97, 'n' FROM generate_series(1, " +
          std::to_string(rows) +
          ") g;"
          "CREATE TABLE items (id int, order_id int); INSERT INTO items SELECT g, g FROM generate_series(1, 500) g;"
          "CREATE MATERIALIZED VIEW totals AS SELECT customer_id, count(*) AS n FROM orders GROUP BY 1;"
          "CREATE UNIQUE INDEX totals_key ON totals (customer_id)");
  // The server counts what a session wrote a moment after its end, and a view's fingerprint has these counts.
  const auto counted = [&] {
    return cluster.exec("shop", "SELECT pg_stat_get_tuples_inserted('totals'::regclass) > 0") == "t";
  };
  if (!eventually(counted)) throw std::runtime_error("the server does not count the rows of the view");
}

ProposedChange index_plan(const std::string& name, const std::string& column, const std::string& table) {
  ProposedChange plan;
  plan.action = ActionClass::create_index;
  plan.kind = ChangeKind::index;
  plan.database = "shop";
  plan.object = "public." + table;
  plan.sql_up = {"CREATE INDEX CONCURRENTLY \"" + name + "\" ON \"public\".\"" + table + "\" USING btree (\"" + column +
                 "\")"};
  plan.sql_down = {"DROP INDEX CONCURRENTLY \"public\".\"" + name + "\""};
  plan.detail = IndexChange{"public", name, table, {column}, {}, "btree", false, ""};
  plan.lock = LockLevel::share_update_exclusive;
  plan.cost.bytes = 1 << 16;
  plan.target_tables = {"public." + table};
  plan.target_statements = {1, 2};
  return plan;
}

ProposedChange shaped_index_plan(const std::string& shape) {
  auto plan = index_plan("orders_shaped_idx");
  plan.sql_up = {"CREATE INDEX CONCURRENTLY \"orders_shaped_idx\" ON \"public\".\"orders\" USING " + shape};
  std::get<IndexChange>(plan.detail).key_columns.clear();
  std::get<IndexChange>(plan.detail).method = shape.substr(0, shape.find(' '));
  return plan;
}

ProposedChange maintenance_plan(bool vacuum) {
  ProposedChange plan;
  plan.action = vacuum ? ActionClass::vacuum : ActionClass::analyze;
  plan.kind = ChangeKind::maintenance;
  plan.database = "shop";
  plan.object = "public.orders";
  plan.sql_up = {vacuum ? "VACUUM (ANALYZE) \"public\".\"orders\"" : "ANALYZE \"public\".\"orders\""};
  plan.detail = MaintenanceChange{"public", "orders", vacuum, true};
  plan.target_tables = {"public.orders"};
  return plan;
}

ProposedChange refresh_plan(bool concurrently) {
  ProposedChange plan;
  plan.action = ActionClass::refresh_matview;
  plan.kind = ChangeKind::refresh;
  plan.database = "shop";
  plan.object = "public.totals";
  plan.sql_up = {std::string("REFRESH MATERIALIZED VIEW ") + (concurrently ? "CONCURRENTLY " : "") +
                 "\"public\".\"totals\""};
  plan.detail = RefreshChange{"public", "totals", concurrently};
  return plan;
}

ProposedChange system_setting_plan(const std::string& name, const std::string& value, bool restart) {
  ProposedChange plan;
  plan.action = restart ? ActionClass::restart_setting : ActionClass::system_setting;
  plan.kind = ChangeKind::setting;
  plan.database = "shop";
  plan.object = "setting " + name;
  plan.sql_up = {"ALTER SYSTEM SET " + name + " = '" + value + "'"};
  SettingChange detail;
  detail.name = name;
  detail.value = value;
  plan.detail = detail;
  plan.target_statements = {1, 2};
  return plan;
}

ProposedChange role_setting_plan(const std::string& role, const std::string& name, const std::string& value) {
  auto plan = system_setting_plan(name, value);
  plan.action = ActionClass::role_setting;
  plan.object = "role " + role;
  plan.sql_up = {"ALTER ROLE \"" + role + "\" SET " + name + " = '" + value + "'"};
  std::get<SettingChange>(plan.detail).role = role;
  return plan;
}

Rig::Rig(PgCluster& cluster, RigOptions options) : given_(std::move(options)) {
  script_ = std::make_shared<ScriptedHistory::Script>();
  script_->clock = &clock_;
  script_->started = clock_.now() - Millis(10'000);
  script_->database = "shop";
  script_->buffers = given_.buffers;
  script_->wal = given_.wal;
  // The moment at which the first index of the table appeared, as the workload would feel it. Asked for now and then
  // and not once per sample: on a busy machine the samples would fall behind the clock before the index is seen.
  struct Look {
    std::optional<UtcTime> seen;
    UtcTime last;
  };
  script_->after = [&cluster, look = std::make_shared<Look>(), this](UtcTime t) {
    const auto now = clock_.now();
    if (!look->seen && now - look->last >= Millis(100)) {
      look->last = now;
      if (cluster.exec("shop",
                       "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
                       "WHERE i.indisvalid AND c.relname LIKE 'orders_%_idx'") != "0")
        look->seen = now - Millis(200);
    }
    return look->seen && t >= *look->seen;
  };
  auto ledger = store::Ledger::open(given_.ledger_file, clock_);
  if (!ledger) throw std::runtime_error(ledger.error().describe());
  ledger_ = std::move(*ledger);
  pg::LaneOptions lanes;
  lanes.monitor.parameters = given_.monitor.empty() ? cluster.parameters("shop") : given_.monitor;
  lanes.operator_ = given_.operator_;
  lanes_ = std::make_unique<pg::Lanes>(world_.io(), world_.blocking(), lanes, clock_, 7);
  for (const auto action : all_action_classes()) policy_.defaults[action] = PolicyMode::approve;
  options_.poll_interval = options_.progress_interval = Millis(20);
  options_.advisory_poll = Millis(20);
  options_.defer_for = Millis(200);
  options_.wait_budget = given_.wait_budget;
  options_.freeze_file = given_.freeze_file;
  options_.home_database = "shop";
  auto& verify = options_.verify;
  verify.window = Millis(100);
  verify.block = Millis(400);
  verify.before = Millis(8'000);
  verify.after = Millis(2'500);
  verify.warm_up = Millis(200);
  verify.min_windows = 10;
  verify.max_observe = Millis(20'000);
  restart();
}

void Rig::restart() {
  change::PipelineParts parts{
      .lanes = *lanes_,
      .ledger = *ledger_,
      .store = store_.get_executor(),
      .blocking = world_.blocking(),
      .clock = clock_,
      .policy = [this] { return policy_; },
      .history = [script = script_]() -> Result<std::unique_ptr<HistoryReader>> {
        return std::unique_ptr<HistoryReader>(std::make_unique<ScriptedHistory>(script));
      },
      .statements_touching = {},
      .poolers = [this] { return given_.poolers ? given_.poolers(world_.blocking()) : std::vector<change::Pooler>(); },
      .actor = "agent",
      .instance = "test",
      .seed = 42,
      .fault = given_.fault};
  pipeline_ = std::make_unique<change::Pipeline>(std::move(parts), options_);
}

Rig::~Rig() {
  store_.join();
}

Change Rig::get(const std::string& id) {
  auto job = [this, id] { return ledger_->get_change(id); };
  auto change = run(net::run_on(store_.get_executor(), job));
  if (!change) throw std::runtime_error(change.error().describe());
  return *change;
}

std::vector<AuditEntry> Rig::audit() {
  auto job = [this] { return ledger_->audit_list(1, 10'000); };
  auto entries = run(net::run_on(store_.get_executor(), job));
  if (!entries) throw std::runtime_error(entries.error().describe());
  return *entries;
}

Change Rig::approved(ProposedChange plan) {
  auto change = run(pipeline_->submit_plan(std::move(plan), "person:ann"));
  if (!change) throw std::runtime_error(change.error().describe());
  return approved(*change);
}

Change Rig::approved(Change change) {
  auto approved = run(pipeline_->approve(change.id, change.plan_hash, "person:bob"));
  if (!approved) throw std::runtime_error(approved.error().describe());
  return *approved;
}

net::Task<Change> Rig::watch(std::string id, std::function<bool(const Change&)> done) {
  const auto give_up = clock_.steady_now() + kPatience;
  while (true) {
    auto job = [this, id] { return ledger_->get_change(id); };
    auto change = co_await net::run_on(store_.get_executor(), job);
    const bool over = !change || done(*change) || clock_.steady_now() > give_up;
    if (over) {
      pipeline_->stop();
      if (!change) throw std::runtime_error(change.error().describe());
      co_return *change;
    }
    const auto next = clock_.steady_now() + Millis(20);
    co_await net::sleep_until(next);
  }
}

Change Rig::drive(const std::string& id, const std::function<bool(const Change&)>& done) {
  bool ended = false;
  restart();
  boost::asio::co_spawn(world_.context(), pipeline_->run(), [&](std::exception_ptr) { ended = true; });
  auto change = run(watch(id, done));
  while (!ended) run(net::sleep_until(clock_.steady_now() + Millis(10)));
  return change;
}

Change Rig::drive(const std::string& id) {
  return drive(id, [](const Change& change) { return is_final(change.state); });
}

void run_agent_until(PgCluster& cluster, const std::string& ledger, const std::string& id, const std::string& point,
                     double buffers) {
  run_agent_until(cluster, {.ledger_file = ledger, .buffers = buffers}, id, point);
}

void run_agent_until(PgCluster& cluster, RigOptions options, const std::string& id, const std::string& point) {
  run_until_killed(cluster, std::move(options), point, [&](Rig& rig) {
    const auto change = rig.drive(id);
    std::cerr << to_string(change.state) << " " << change.last_error << "\n";
  });
}

void run_until_killed(PgCluster& cluster, RigOptions options, const std::string& point,
                      const std::function<void(Rig&)>& life) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("no process for an agent");
  if (child == 0) {
    ::alarm(60);
    options.fault = [point](std::string_view at) {
      if (at == point) ::kill(::getpid(), SIGKILL);
    };
    try {
      Rig rig(cluster, options);
      life(rig);
    } catch (const std::exception& error) {
      std::cerr << error.what() << "\n";
    }
    std::cerr << "the agent was not killed at " << point << std::endl;
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
    throw std::runtime_error("the agent was not killed at " + point + " but ended with status " +
                             std::to_string(status));
}

std::string invalid_indexes(PgCluster& cluster) {
  return cluster.exec("shop", "SELECT count(*) FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)");
}

std::string index_comment(PgCluster& cluster, const std::string& name) {
  return cluster.exec(
      "shop", "SELECT coalesce(obj_description(c.oid, 'pg_class'), '-') FROM pg_class c WHERE c.relname = '" + name +
                  "' AND c.relkind = 'i'");
}

}  // namespace pgtend::test
