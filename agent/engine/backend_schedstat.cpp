#include "agent/engine/backend_schedstat.hpp"

#include <fstream>

namespace pgtend::engine {

namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::map<int, collectors::ProcessCpu> read_schedstats(const std::string& proc, const std::vector<int>& pids) {
  std::map<int, collectors::ProcessCpu> out;
  for (const int pid : pids) {
    const std::string folder = proc + "/" + std::to_string(pid);
    if (!first_line(folder + "/comm").starts_with("postgres")) continue;
    if (const auto cpu = collectors::parse_schedstat(first_line(folder + "/schedstat"))) out.emplace(pid, *cpu);
  }
  return out;
}

}  // namespace pgtend::engine
