#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/cli/demo/cluster.hpp"
#include "agent/cli/demo/sink.hpp"
#include "agent/cli/demo/tended.hpp"
#include "agent/cli/demo/timeline.hpp"
#include "agent/cli/demo/workload.hpp"

namespace pgtend::cli::demo {

// Everything that plays a part. Members end in the reverse order: the agent first, the folder last.
struct Stage {
  explicit Stage(bool json) : timeline(json) {}

  Timeline timeline;
  std::optional<Folder> folder;
  std::optional<Cluster> cluster;
  std::optional<Session> eye;  // the superuser that checks each step in the catalogs
  std::optional<Sink> sink;
  std::optional<Workload> workload;
  std::optional<Tended> agent;

  std::string step;               // that is being played, for the message when it fails
  double agent_ready_at = 0;      // seconds since the start
  double view_rows_at_start = 0;  // orders that sales_by_day counted when it was made
};

// Polls until `condition` holds. Errors: timeout (after `limit`, or when the demo as a whole takes too long; the
// message says what was waited for), cancelled (Ctrl-C), unavailable (the agent ended), and the condition's own.
[[nodiscard]] Result<void> wait_for(Stage& stage, const std::string& what, Millis limit,
                                    const std::function<Result<bool>()>& condition, Millis poll = Millis(250));

// Set by SIGINT and SIGTERM.
[[nodiscard]] bool interrupted();
void catch_signals();

// The acts, in their order. Each one waits until its steps happened, checks them against PostgreSQL and tells them.
[[nodiscard]] Result<void> open_shop(Stage& stage);       // server, data, workload
[[nodiscard]] Result<void> start_agent(Stage& stage);     // agent, first samples
[[nodiscard]] Result<void> raise_alert(Stage& stage);     // firing and resolved at the webhook
[[nodiscard]] Result<void> show_findings(Stage& stage);   // findings, the recommended index
[[nodiscard]] Result<void> refresh_view(Stage& stage);    // by policy alone
[[nodiscard]] Result<void> migrate_thrice(Stage& stage);  // a set of files, of which only the first run does something
[[nodiscard]] Result<void> create_index(Stage& stage);    // approved, built, verified, kept
[[nodiscard]] Result<void> undo_harm(Stage& stage);       // measured as a regression and taken back
[[nodiscard]] Result<void> verify_audit(Stage& stage);
[[nodiscard]] Result<void> measure_cost(Stage& stage);

}  // namespace pgtend::cli::demo
