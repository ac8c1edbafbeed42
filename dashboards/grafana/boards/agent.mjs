// The agent itself: what it costs, whether it sees, remembers and tells.
export default {
  uid: 'pgtend-agent',
  title: 'pgtend / Agent',
  description: 'What pgtend itself costs, and whether it samples, stores, evaluates and delivers.',
  rows: [
    {
      title: 'Cost',
      panels: [
        { title: 'CPU', unit: 'percentunit', description: 'Of one core: the agent, and the backends that serve it.', min: 0, stacked: true, queries: [{ expr: 'rate(pgtend_agent_cpu_seconds_total{@i}[$__rate_interval])', legend: 'agent' }, { expr: 'rate(pgtend_agent_backend_cpu_seconds_total{@i}[$__rate_interval])', legend: 'backends' }] },
        { title: 'Memory', unit: 'bytes', description: 'Resident memory of the agent. Its default bound is 40 MB.', min: 0, queries: [{ expr: 'pgtend_agent_resident_memory_bytes{@i}', legend: 'resident' }] },
        { title: 'Statements', unit: 'ops', description: 'Statements a second that collectors send to the server.', min: 0, queries: [{ expr: 'rate(pgtend_agent_queries_total{@i}[$__rate_interval])', legend: 'statements' }] },
        { title: 'Series', unit: 'short', description: 'On /metrics, and getting samples in history.', min: 0, queries: [{ expr: 'pgtend_agent_series{@i}', legend: 'on /metrics' }, { expr: 'pgtend_history_active_series{@i}', legend: 'in history' }] },
      ],
    },
    {
      title: 'Health',
      panels: [
        { kind: 'stat', title: 'Collectors that fail', unit: 'short', description: 'pgtend status names them with their cure.', thresholds: [1], queries: [{ expr: 'count(pgtend_collector_up{@i} == 0) or vector(0)' }] },
        { kind: 'stat', title: 'Intervals stretched', unit: 'short', description: 'By how much intervals are stretched because the agent costs more than its budget; 1: not at all.', thresholds: [1.01], queries: [{ expr: 'max(pgtend_agent_slow_down_factor{@i})' }] },
        { kind: 'stat', title: 'History', unit: 'bytes', description: 'Size of the history file with its log.', queries: [{ expr: 'max(pgtend_history_bytes{@i})' }] },
        { kind: 'stat', title: 'History reaches back', unit: 's', description: 'Age of the oldest sample.', queries: [{ expr: 'time() - min(pgtend_history_oldest_timestamp_seconds{@i})' }] },
        { kind: 'stat', title: 'Notifications waiting', unit: 'short', description: 'Not delivered yet. pgtend alerts notifications shows why.', thresholds: [1, 20], queries: [{ expr: 'max(pgtend_outbox_queued{@i})' }] },
        { kind: 'stat', title: 'Configuration taken', unit: 'bool_yes_no', description: 'No: the last reload was refused and the configuration from before stays. pgtend status says why.', queries: [{ expr: 'min(pgtend_config_last_reload_successful{@i})' }] },
      ],
    },
    {
      title: 'Changes',
      panels: [
        { kind: 'table', title: 'Changes that ended within the hour', unit: 'short', description: 'By action and how they ended; pgtend changes lists them.', queries: [{ expr: 'sum by (action, state) (pgtend_changes_lately{@i})' }], empty: 'none' },
        { title: 'Precision by class', unit: 'percentunit', description: 'Lower bound (Wilson, one-sided 90 %) of the share of predictions that came true within a year, by action class. A class at policy.trust.precision with enough verdicts may act by itself.', min: 0, queries: [{ expr: 'max by (action) (pgtend_policy_precision_ratio{@i})', legend: '{{action}}' }], empty: 'no verdicts yet' },
        { title: 'Verdicts by class', unit: 'short', description: 'Verdicts within a year that measured a change of the class, and those after which it was taken back.', min: 0, queries: [{ expr: 'max by (action) (pgtend_policy_verdicts{@i})', legend: '{{action}}' }, { expr: 'max by (action) (pgtend_policy_verdicts_undone{@i})', legend: '{{action}} taken back' }], empty: 'no verdicts yet' },
      ],
    },
  ],
};
