#pragma once

#include "agent/model/history.hpp"
#include "agent/store/head.hpp"

namespace pgtend::store {

// Puts the samples of one series, which are in order of ticks, in order of time. Where the wall clock went back, the
// samples of the later pass win over those of an earlier one that lie among them (`every_pass` keeps both); no rate may
// cross from one pass to another. A later sample of the same moment replaces the earlier. Private to agent/store.
void order_by_time(TickedSamples in, bool counter, bool every_pass, SeriesData& out);

}  // namespace pgtend::store
