#pragma once

#include <functional>
#include <string>

#include "agent/base/result.hpp"
#include "agent/model/snapshot.hpp"
#include "agent/store/sqlite.hpp"

namespace pgtend::store {

// Reads a file of version 1 (one row per sample) as snapshots, in order of time, each with the samples of one collector
// at one moment. Calls `take` for each; its status is not ok, so that no absence is read into it: the stale markers of
// version 1 are samples of their own. Errors: those of SQLite and of `take`. Private to agent/store.
Result<void> read_version_1(Database& db, const std::function<Result<void>(const Snapshot&)>& take);

}  // namespace pgtend::store
