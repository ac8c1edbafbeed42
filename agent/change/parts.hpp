#pragma once

#include "agent/change/core.hpp"

// Inside agent/change: a step that is done in parts.
namespace pgtend::change {

// Runs the step's statement until its kind says that nothing is left, each time for as many rows as fit into
// PipelineOptions::lock_hold, waiting for the lock included: the server itself cuts a part off there. Errors: those of
// run_statement(), and timeout (even the smallest part did not fit; retryable).
net::TaskResult<RowSet> run_in_parts(CorePtr core, pg::Connection* connection, Change change, const Kind* kind,
                                     Step step, Work work);

}  // namespace pgtend::change
