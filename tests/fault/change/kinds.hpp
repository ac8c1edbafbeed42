#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/pg/change/rig.hpp"

namespace pgtend::test {

// What one change of a kind is made for, beside what is nobody's of it.
struct Scene {
  explicit Scene(PgCluster& server) : cluster(server) {}
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  [[nodiscard]] std::string sql(const std::string& text) const { return cluster.exec("shop", text); }
  [[nodiscard]] RigOptions options() const;

  PgCluster& cluster;
  TempDir dir{"pgtend-fault"};
  std::unique_ptr<PgSession> victim, bystander;
  std::unique_ptr<PgBouncerProcess> bouncer;
};

// One row for each kind of change: the one mechanism of kill_fault.cpp does the rest.
struct KindRow {
  std::string name;
  std::function<void(Scene&)> make;
  std::function<ProposedChange(Scene&)> plan;
  std::function<std::string(Scene&)> shows;  // "1" while the change is there, else "0"
  ChangeState up;                            // where it stands when it has been applied
  bool has_way_back = true;
  bool restarts = false;  // the server is restarted before the agent that is killed begins to work
};

std::vector<KindRow> index_rows();
std::vector<KindRow> setting_rows();
std::vector<KindRow> table_rows();      // refresh, vacuum, analyze, statistics
std::vector<KindRow> partition_rows();  // and policies
std::vector<KindRow> other_rows();      // sessions and PgBouncer

// Everything that the database, its settings and the pooler's file say, ids and times of changes left out: two that are
// equal differ in nothing that a change could have touched.
std::string inventory(const Scene& scene);

}  // namespace pgtend::test
