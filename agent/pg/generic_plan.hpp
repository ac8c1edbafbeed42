#pragma once

#include <string>

#include "agent/pg/connection.hpp"

// The plan of a statement whose parameters are not known. Nothing is executed. Of one session, one after the other.
namespace pgtend::pg {

// Settings under which the plan does not depend on parameters and strings are read as the standard says.
inline constexpr const char* kGenericPlanSettings =
    "SET plan_cache_mode = force_generic_plan; SET standard_conforming_strings = on";

// Before 16 the statement must be prepared first; from 16 on this does nothing. Errors: as Connection::execute.
net::TaskResult<bool> open_generic_plan(Connection* connection, std::string text, Deadline deadline);
// EXPLAIN's JSON in one row. `parameters`: the highest $n of `text`. REQUIRES: open_generic_plan of the same text,
// kGenericPlanSettings. Errors: as Connection::execute.
net::TaskResult<RowSet> explain_generic_plan(Connection* connection, std::string text, int parameters,
                                             Deadline deadline);
net::TaskResult<bool> close_generic_plan(Connection* connection, Deadline deadline);

}  // namespace pgtend::pg
