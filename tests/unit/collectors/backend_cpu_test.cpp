#include "collectors/host/backend_cpu.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

double value(const BackendCpuTally& tally, const std::string& name, const std::string& type,
             const std::string& database) {
  for (const auto& sample : tally.samples(1))
    if (sample.key->name == name && sample.key->labels == Labels{{"backend_type", type}, {"datname", database}})
      return sample.value;
  return -1;
}

}  // namespace

TEST_CASE("CPU of processes is counted from the first look on, by kind and database") {
  const char* cpu = "pgtend_backend_cpu_seconds_total";
  BackendCpuTally tally;
  tally.add({{10, "client backend", "shop", ""}, {11, "checkpointer", "", ""}}, {{10, {5, 1}}, {11, {2, 0}}});
  CHECK(value(tally, cpu, "client backend", "shop") == 0);
  // 12 began since and counts whole; 13 cannot be read and does not count.
  tally.add(
      {{10, "client backend", "shop", ""}, {12, "client backend", "shop", ""}, {13, "client backend", "other", ""}},
      {{10, {5.5, 1.25}}, {12, {3, 0.5}}});
  CHECK(value(tally, cpu, "client backend", "shop") == 3.5);
  CHECK(value(tally, "pgtend_backend_run_queue_seconds_total", "client backend", "shop") == 0.75);
  CHECK(value(tally, cpu, "client backend", "other") == -1);
  // A process that has ended leaves its sum; its pid, given to another, begins anew.
  tally.add({{12, "autovacuum worker", "shop", ""}}, {{12, {0.25, 0}}});
  CHECK(value(tally, cpu, "client backend", "shop") == 3.5);
  CHECK(value(tally, cpu, "autovacuum worker", "shop") == 0.25);
  CHECK(value(tally, cpu, "checkpointer", "") == 0);
}

TEST_CASE("a process that has been idle since its last reading is not read again, and keeps what it had") {
  const char* cpu = "pgtend_backend_cpu_seconds_total";
  BackendCpuTally tally;
  const auto at = [](const char* idle_since) {
    return std::vector<ServerProcess>{{10, "client backend", "shop", idle_since}, {11, "checkpointer", "", ""}};
  };
  CHECK(tally.to_read(at("12:00:01")) == std::vector<int>{10, 11});
  tally.add(at("12:00:01"), {{10, {5, 1}}, {11, {2, 0}}});
  CHECK(tally.to_read(at("12:00:01")) == std::vector<int>{11});
  tally.add(at("12:00:01"), {{11, {3, 0}}});
  CHECK(value(tally, cpu, "client backend", "shop") == 0);
  CHECK(value(tally, cpu, "checkpointer", "") == 1);
  // It ran a statement since, or runs one now.
  CHECK(tally.to_read(at("12:00:15")) == std::vector<int>{10, 11});
  CHECK(tally.to_read(at("")) == std::vector<int>{10, 11});
  tally.add(at("12:00:15"), {{10, {5.5, 1}}, {11, {3, 0}}});
  CHECK(value(tally, cpu, "client backend", "shop") == 0.5);
  // What could not be read is tried again.
  tally.add(at("12:00:20"), {{11, {3, 0}}});
  CHECK(tally.to_read(at("12:00:20")) == std::vector<int>{10, 11});
}

TEST_CASE("the CPU of more databases than are counted apart is that of other") {
  BackendCpuTally tally;
  std::vector<ServerProcess> processes;
  std::map<int, ProcessCpu> none, one;
  for (int pid = 1; pid <= 300; ++pid) {
    processes.push_back({pid, "client backend", "db" + std::to_string(pid), ""});
    none[pid] = {0, 0};
    one[pid] = {1, 0};
  }
  tally.add(processes, none);
  tally.add(processes, one);
  double sum = 0;
  for (const auto& sample : tally.samples(1))
    if (sample.key->name == "pgtend_backend_cpu_seconds_total") sum += sample.value;
  CHECK(sum == 300);
  CHECK(tally.samples(1).size() == 2 * 101);
  CHECK(value(tally, "pgtend_backend_cpu_seconds_total", "client backend", "other") == 200);
}
