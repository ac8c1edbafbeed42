#include "agent/engine/doctor.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "agent/base/strings.hpp"
#include "agent/engine/database_choice.hpp"
#include "agent/engine/log_finding.hpp"
#include "agent/engine/neighbour.hpp"
#include "agent/engine/wiring.hpp"

namespace pgtend::engine {

namespace {

constexpr std::chrono::seconds kExamineTime{10};

// The doctor runs as whoever called it, who may read other files than the agent.
net::Task<void> examine_log(pg::Connection* connection, config::ServerLogConfig config,
                            net::asio::any_io_executor blocking, Deadline deadline, DoctorRole* role) {
  auto ask = [connection, deadline](const std::string& sql) { return connection->query(sql, {}, deadline); };
  auto is_local = [connection] { return connection->is_local(); };
  auto found = co_await find_log(ask, std::move(config), role->user, is_local, std::move(blocking));
  if (found) role->capabilities.push_back(std::move(found->capability));
}

// `logs`: that of the role that watches.
net::Task<void> examine_role(pg::ConnectSpec spec, net::asio::any_io_executor blocking, DoctorReport* report,
                             DoctorRole* role, std::optional<pg::Purpose> purpose,
                             std::optional<config::ServerLogConfig> logs) {
  const auto named = spec.parameters.find("dbname");
  const std::string database = named == spec.parameters.end() ? role->user : named->second;
  const Deadline deadline = std::chrono::steady_clock::now() + kExamineTime;
  auto connection = co_await pg::Connection::connect(std::move(spec), blocking, deadline);
  if (!connection) {
    role->error = connection.error().describe();
    if (auto missing = pg::missing_for_session(connection.error(), role->user, database, pg::Purpose::observe))
      role->capabilities.push_back(std::move(*missing));
    co_return;
  }
  const auto& identity = (*connection)->identity();
  report->server = "PostgreSQL " + identity.server_version + ", " + std::string(to_string(identity.role));
  if (!(*connection)->is_direct()) report->server += ", through a pooler";
  auto capabilities = co_await pg::probe_capabilities(connection->get(), purpose);
  if (capabilities) {
    role->capabilities = std::move(*capabilities);
  } else {
    role->error = capabilities.error().describe();
  }
  if (capabilities && logs) co_await examine_log(connection->get(), std::move(*logs), blocking, deadline, role);
}

net::Task<void> ask_neighbour(NeighbourSpec spec, net::asio::any_io_executor blocking, const Clock* clock,
                              DoctorNeighbour* entry) {
  const auto neighbour = make_neighbour(spec.config, blocking, *clock);
  const Deadline deadline = clock->steady_now() + spec.timeout;
  auto answer = co_await neighbour->ask(deadline);
  if (!answer) {
    entry->error = answer.error().describe();
    co_return;
  }
  entry->version = answer->version;
  entry->lost = answer->lost;
}

bool counts_log(const config::Config& config) {
  const auto& off = config.collection.disabled;
  return std::none_of(off.begin(), off.end(), [](const auto& pattern) { return glob_match(pattern, "logs"); });
}

}  // namespace

DoctorReport examine(const config::Config& configuration) {
  const auto& config = configuration.postgresql;
  DoctorReport report;
  net::asio::io_context io(1);
  net::asio::thread_pool blocking(1);
  const auto lanes = lane_options(config);
  const bool two = config.operator_role.has_value();
  report.roles.push_back({config.user, two ? "probe and sample lanes" : "all lanes", {}, {}});
  if (two) report.roles.push_back({config.operator_role->user, "advise and act lanes", {}, {}});
  for (std::size_t i = 0; i < report.roles.size(); ++i) {
    auto* role = &report.roles[i];
    auto ended = [role](const std::exception_ptr& failure) {
      if (failure) role->error = "internal error";
    };
    // One role alone does all the work; of two each is asked for its own.
    std::optional<pg::Purpose> purpose;
    if (two) purpose = i == 0 ? pg::Purpose::observe : pg::Purpose::act;
    std::optional<config::ServerLogConfig> logs;
    if (i == 0 && counts_log(configuration)) logs = config.logs;
    auto task = examine_role(i == 0 ? lanes.monitor : lanes.operator_, blocking.get_executor(), &report, role, purpose,
                             std::move(logs));
    net::asio::co_spawn(io, std::move(task), ended);
  }
  const SystemClock clock;
  const auto specs = neighbour_specs(configuration);
  for (const auto& spec : specs) report.neighbours.push_back({spec.collector, {}, {}, {}});
  for (std::size_t i = 0; i < specs.size(); ++i) {
    auto* entry = &report.neighbours[i];
    auto ended = [entry](const std::exception_ptr& failure) {
      if (failure) entry->error = "internal error";
    };
    net::asio::co_spawn(io, ask_neighbour(specs[i], blocking.get_executor(), &clock, entry), ended);
  }
  io.run();
  blocking.join();
  for (auto& role : report.roles) role.capabilities = of_chosen(std::move(role.capabilities), config);
  return report;
}

}  // namespace pgtend::engine
