#pragma once

#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/collector_def.hpp"
#include "agent/model/rows.hpp"

namespace pgtend::checks {

// Every row of a check's answer that passes its threshold, as a finding; numeric columns become evidence.
// `database` is empty for checks of scope instance.
[[nodiscard]] std::vector<Finding> findings_from(const CheckDef& check, const RowSet& rows, std::string_view instance,
                                                 std::string_view database, UtcTime now);

}  // namespace pgtend::checks
