#include "collectors/postgres/activity.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace pgtend::collectors {

std::string blocking_sql() {
  return R"(WITH edges AS MATERIALIZED (
  SELECT w.pid, pg_catalog.pg_blocking_pids(w.pid) AS blockers
  FROM (SELECT pid FROM pg_catalog.pg_stat_activity WHERE wait_event_type = 'Lock' OFFSET 0) w),
involved AS MATERIALIZED (
  SELECT pid FROM edges WHERE pg_catalog.cardinality(blockers) > 0
  UNION SELECT pg_catalog.unnest(blockers) FROM edges),
waits AS MATERIALIZED (
  SELECT DISTINCT ON (l.pid) l.pid, l.mode, l.locktype,
         (pg_catalog.to_jsonb(l) ->> 'waitstart')::pg_catalog.timestamptz AS since,
         CASE WHEN l.relation IS NULL THEN NULL
              ELSE coalesce((SELECT n.nspname || '.' || c.relname
                             FROM pg_catalog.pg_class c
                             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                             JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
                             WHERE c.oid = l.relation AND l.database = d.oid), l.relation::pg_catalog.text) END AS relation
  FROM pg_catalog.pg_locks l
  WHERE NOT l.granted AND l.pid IN (SELECT pid FROM edges)
  ORDER BY l.pid, l.relation)
SELECT i.pid, e.blockers, a.datname, a.usename, a.application_name, a.state, a.backend_type,
       pg_catalog.to_jsonb(a) ->> 'query_id' AS query_id, w.mode, w.locktype, w.relation,
       extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) AS transaction_age,
       extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(w.since, a.query_start)) AS wait_age
FROM involved i
LEFT JOIN edges e ON e.pid = i.pid
LEFT JOIN waits w ON w.pid = i.pid
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = i.pid
ORDER BY i.pid)";
}

namespace {

struct Graph {
  std::map<int, ChainSession> sessions;
  std::map<int, std::set<int>> blockers, victims;
};

Graph read_graph(const RowSet& rows) {
  Graph out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto pid = rows.integer(i, "pid");
    if (!pid) continue;
    ChainSession s;
    s.pid = static_cast<int>(*pid);
    s.database = rows.text(i, "datname");
    s.user = rows.text(i, "usename");
    s.application = rows.text(i, "application_name");
    s.state = rows.text(i, "state");
    s.backend_type = rows.text(i, "backend_type");
    s.query_id = rows.text(i, "query_id");
    s.lock_mode = rows.text(i, "mode");
    s.lock_type = rows.text(i, "locktype");
    s.relation = rows.text(i, "relation");
    // A clock step may make an age negative.
    s.transaction_seconds = std::max(0.0, rows.number(i, "transaction_age").value_or(0));
    for (const auto& item : parse_array(rows.text(i, "blockers"))) {
      const auto blocker = parse_number(item);
      if (!blocker || static_cast<int>(*blocker) == s.pid) continue;
      out.blockers[s.pid].insert(static_cast<int>(*blocker));
      out.victims[static_cast<int>(*blocker)].insert(s.pid);
      s.wait_seconds = std::max(0.0, rows.number(i, "wait_age").value_or(0));
    }
    out.sessions[s.pid] = std::move(s);
  }
  // A blocker that ended between two parts of the statement still deserves its place.
  for (const auto& [pid, of] : out.victims) out.sessions.try_emplace(pid, ChainSession{}).first->second.pid = pid;
  return out;
}

BlockingTree grow(const Graph& graph, int root, std::set<int>& placed) {
  BlockingTree tree;
  tree.root = graph.sessions.at(root);
  std::set<int> here{root};
  std::vector<int> level{root};
  placed.insert(root);
  for (int depth = 1; !level.empty(); ++depth) {
    std::vector<int> next;
    for (const int blocker : level) {
      const auto victims = graph.victims.find(blocker);
      if (victims == graph.victims.end()) continue;
      for (const int victim : victims->second) {
        if (!here.insert(victim).second) continue;
        placed.insert(victim);
        next.push_back(victim);
        tree.victims.push_back({graph.sessions.at(victim), blocker, depth});
        tree.wait_seconds = std::max(tree.wait_seconds, tree.victims.back().session.wait_seconds);
        tree.depth = depth;
      }
    }
    level = std::move(next);
  }
  return tree;
}

// Walks up from a waiter whose blockers all wait themselves: the smallest pid of the cycle it runs into.
int smallest_of_cycle(const Graph& graph, int pid) {
  std::vector<int> path;
  while (std::find(path.begin(), path.end(), pid) == path.end()) {
    path.push_back(pid);
    pid = *graph.blockers.at(pid).begin();
  }
  return *std::min_element(std::find(path.begin(), path.end(), pid), path.end());
}

}  // namespace

std::vector<BlockingTree> blocking_trees(const RowSet& rows) {
  const Graph graph = read_graph(rows);
  std::vector<BlockingTree> out;
  std::set<int> placed;
  for (const auto& [pid, victims] : graph.victims)
    if (!graph.blockers.contains(pid)) out.push_back(grow(graph, pid, placed));
  for (const auto& [pid, blockers] : graph.blockers)
    if (!placed.contains(pid)) out.push_back(grow(graph, smallest_of_cycle(graph, pid), placed));
  std::stable_sort(out.begin(), out.end(),
                   [](const BlockingTree& a, const BlockingTree& b) { return a.victims.size() > b.victims.size(); });
  return out;
}

SeriesRun blocking_series(const RowSet& rows, const ServerIdentity& identity, std::string_view) {
  const auto trees = blocking_trees(rows);
  const std::uint64_t epoch = epoch_hash(identity, {});
  struct Total {
    double roots = 0, victims = 0, depth = 0, wait = 0;
  };
  std::map<Labels, Total> totals;
  for (const auto& tree : trees) {
    Total& total = totals[Labels{{"datname", tree.root.database}, {"usename", tree.root.user}}];
    total.roots += 1;
    total.victims += static_cast<double>(tree.victims.size());
    total.depth = std::max(total.depth, static_cast<double>(tree.depth));
    total.wait = std::max(total.wait, tree.wait_seconds);
  }
  SeriesRun out;
  const auto add = [&](std::string name, const Labels& labels, double value) {
    out.samples.push_back({{std::move(name), labels}, value, MetricKind::gauge, epoch});
  };
  add("pgtend_blocking_chains", {}, static_cast<double>(trees.size()));
  for (const auto& [labels, total] : totals) {
    add("pgtend_blocking_roots", labels, total.roots);
    add("pgtend_blocking_victims", labels, total.victims);
    add("pgtend_blocking_depth", labels, total.depth);
    add("pgtend_blocking_wait_seconds", labels, total.wait);
  }
  return out;
}

std::vector<MetricDef> blocking_metrics() {
  const auto gauge = [](std::string name, std::string unit, std::string help) {
    return MetricDef{std::move(name), MetricKind::gauge, std::move(unit), std::move(help), "pg_blocking_pids()", {}};
  };
  return {gauge("pgtend_blocking_chains", "", "Chains of sessions that wait for each other's locks."),
          gauge("pgtend_blocking_roots", "", "Sessions at the head of a chain, by their database and user."),
          gauge("pgtend_blocking_victims", "", "Sessions that wait, directly or not, for these heads."),
          gauge("pgtend_blocking_depth", "", "Length of the longest of these chains."),
          gauge("pgtend_blocking_wait_seconds", "seconds", "Longest wait in these chains.")};
}

}  // namespace pgtend::collectors
