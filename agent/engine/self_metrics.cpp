#include "agent/engine/self_metrics.hpp"

namespace pgtend::engine {

std::vector<MetricDef> self_metrics() {
  constexpr auto gauge = MetricKind::gauge, counter = MetricKind::counter;
  return {
      {"pgtend_agent_cpu_ratio", gauge, "ratio", "CPU of the agent, in cores, since its last run of this collector.",
       "", ""},
      {"pgtend_agent_backend_cpu_ratio", gauge, "ratio",
       "CPU of the backends that serve the agent, in cores, since its last run of this collector.", "", ""},
      {"pgtend_agent_resident_memory_bytes", gauge, "bytes", "Resident memory of the agent.", "", ""},
      {"pgtend_agent_slow_down_factor", gauge, "ratio",
       "By how much intervals are stretched because the agent costs more than its budget; 1: not at all.", "", ""},
      {"pgtend_agent_series", gauge, "", "Series on /metrics.", "", ""},
      {"pgtend_agent_cpu_seconds_total", counter, "seconds", "CPU of the agent.", "", ""},
      {"pgtend_agent_backend_cpu_seconds_total", counter, "seconds", "CPU of the backends that serve the agent.", "",
       ""},
      {"pgtend_agent_queries_total", counter, "", "Statements sent by collectors.", "", ""},
      {"pgtend_config_last_reload_successful", gauge, "",
       "1 when the files were taken when they were read last, 0 when the configuration from before stayed.", "", ""},
      {"pgtend_config_last_reload_success_timestamp_seconds", gauge, "seconds",
       "When the configuration was taken from its files last, Unix time.", "", ""},
      {"pgtend_config_errors", gauge, "", "Mistakes in files that fail alone: the user's own collectors.", "", ""},
      {"pgtend_history_bytes", gauge, "bytes",
       "Size of history: file, write-ahead log, its shared memory and the ballast.", "", ""},
      {"pgtend_history_active_series", gauge, "", "Series that get samples.", "", ""},
      {"pgtend_history_oldest_timestamp_seconds", gauge, "seconds", "Time of the oldest sample in history.", "", ""},
      {"pgtend_history_cap_decides", gauge, "",
       "1 when history.max_bytes and not the retention decided last what was deleted.", "", ""},
      {"pgtend_history_written", gauge, "",
       "1 when what is sampled reaches the history file, 0 when it waits in memory.", "", ""},
      {"pgtend_history_replaced", gauge, "",
       "1 when an unsound history file was moved aside since the start of the agent.", "", ""},
      {"pgtend_history_bad_blocks_total", counter, "", "Blocks and rows of history whose check sum was wrong.", "", ""},
      {"pgtend_history_dropped_total", counter, "", "Runs of collectors that history could not take.", "", ""},
      {"pgtend_history_over_quota_total", counter, "",
       "Samples without a series of their own because their collector has too many.", "", ""},
      {"pgtend_certificate_not_after_timestamp_seconds", gauge, "seconds",
       "Until when the certificate is valid that a peer showed on the agent's own session, Unix time.", "TLS", ""},
      {"pgtend_collector_up", gauge, "", "1 when a collector works on a database, 0 when it fails by its own fault.",
       "", ""},
      {"pgtend_outbox_queued", gauge, "", "Notifications that wait or are being sent.", "", ""},
      {"pgtend_outbox_oldest_age_seconds", gauge, "seconds", "Age of the oldest notification that waits.", "", ""},
      {"pgtend_outbox_dropped", gauge, "",
       "Notifications dropped because the spool was full, since the ledger was made.", "", ""},
      {"pgtend_notifications_dead", gauge, "", "Notifications given up since the ledger was made.", "", ""},
      {"pgtend_receivers_standby", gauge, "", "1 while an Alertmanager takes the alerts instead of the receivers.", "",
       ""},
      {"pgtend_rule_evaluation_failed", gauge, "", "1 while the last evaluation of a rule failed.", "", ""},
      {"pgtend_rule_series", gauge, "",
       "Series of a day that a rule of the user's names, while it has not fired within memory.", "", ""},
      {"pgtend_change_running_seconds", gauge, "seconds", "How long a change has been applied that is not done.", "",
       ""},
      {"pgtend_changes_lately", gauge, "", "Changes that ended within an hour, by how.", "", ""},
      {"pgtend_policy_verdicts", gauge, "", "Verdicts of an action class within a year.", "", ""},
      {"pgtend_policy_verdicts_right", gauge, "", "Those of them whose prediction came true.", "", ""},
      {"pgtend_policy_verdicts_undone", gauge, "", "Those of them that were taken back.", "", ""},
      {"pgtend_policy_precision_ratio", gauge, "ratio",
       "Lower bound (Wilson, one-sided 90 %) of the share of an action class's predictions that come true.", "", ""},
      {"pgtend_policy_effect_error_ratio", gauge, "ratio",
       "Median distance of the measured effect of an action class from the predicted one.", "", ""},
  };
}

SeriesSample certificate_sample(const std::string& peer, UtcTime not_after) {
  return {{"pgtend_certificate_not_after_timestamp_seconds", Labels{{"peer", peer}}},
          to_seconds(not_after),
          MetricKind::gauge,
          0};
}

}  // namespace pgtend::engine
