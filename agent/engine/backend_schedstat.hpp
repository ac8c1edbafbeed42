#pragma once

#include <map>
#include <string>
#include <vector>

#include "collectors/host/host.hpp"

namespace pgtend::engine {

// CPU of the server's processes by pid, from /proc/PID/schedstat; without those that are no postgres here, because the
// server has a pid namespace of its own, and those that have ended. `proc`: where procfs is mounted.
[[nodiscard]] std::map<int, collectors::ProcessCpu> read_schedstats(const std::string& proc,
                                                                    const std::vector<int>& pids);

}  // namespace pgtend::engine
