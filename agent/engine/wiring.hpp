#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>

#include "agent/api/metrics_board.hpp"
#include "agent/change/pipeline.hpp"
#include "agent/config/config.hpp"
#include "agent/http/server.hpp"
#include "agent/pg/lanes.hpp"
#include "agent/store/history_file.hpp"
#include "agent/store/ledger.hpp"

// From the configuration to what each room takes.
namespace pgtend::engine {

// How the admin console of a pooler is reached.
[[nodiscard]] pg::ConnectSpec console_spec(const config::PgbouncerConfig& config);
// Those whose pgbouncer.ini may be edited.
[[nodiscard]] std::vector<change::Pooler> poolers(const config::Config& config, net::asio::any_io_executor blocking);
[[nodiscard]] pg::LaneOptions lane_options(const config::PostgresqlConfig& config);
[[nodiscard]] store::HistoryOptions history_options(const config::HistoryConfig& config);
[[nodiscard]] change::PipelineOptions pipeline_options(const config::Config& config);
// What every alert and every series has beyond this agent, besides its own labels: the instance, and
// rules.external_labels. Without them those of two servers would be one at the receiver.
[[nodiscard]] Labels instance_labels(const config::Config& config);
[[nodiscard]] http::ServerOptions server_options(const config::HttpConfig& config);
// Errors: config (an unknown user name, a malformed token hash).
[[nodiscard]] Result<http::Authenticator> authenticator(const config::HttpConfig& config);
// Makes the directory a file goes into, mode 0750. Errors: io, permission.
[[nodiscard]] Result<void> make_directory_of(const std::string& path);

}  // namespace pgtend::engine
