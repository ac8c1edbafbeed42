#pragma once

#include <string>

#include "agent/cli/demo/stage.hpp"

// Shared by several acts.
namespace pgtend::cli::demo {

// The recommendation of an index on orders that begins with customer_id; null while there is none. Errors: the API's.
[[nodiscard]] Result<cli::Json> customer_index(Stage& stage);

// What the superuser's eye sees of an index.
struct IndexSeen {
  bool exists = false, valid = false;
  double bytes = 0, scans = 0;
};
[[nodiscard]] Result<IndexSeen> look_at_index(Stage& stage, const std::string& schema, const std::string& name);

// Waits until a change is in `wanted`; the item as the API gives it. Errors: server when it ends in another final
// state, with the change's own words; those of wait_for.
[[nodiscard]] Result<cli::Json> await_state(Stage& stage, const std::string& id, const std::string& wanted,
                                            const std::string& what, Millis limit);

// Counters of a table or a statement between two looks.
struct HotCounts {
  double updated = 0, hot = 0;
  [[nodiscard]] double ratio_since(const HotCounts& earlier) const {
    return updated > earlier.updated ? (hot - earlier.hot) / (updated - earlier.updated) : 0;
  }
};
[[nodiscard]] Result<HotCounts> stock_updates(Stage& stage);

struct CallCounts {
  double calls = 0, blocks = 0, milliseconds = 0;
  [[nodiscard]] double blocks_per_call_since(const CallCounts& earlier) const {
    return calls > earlier.calls ? (blocks - earlier.blocks) / (calls - earlier.calls) : 0;
  }
  [[nodiscard]] double ms_per_call_since(const CallCounts& earlier) const {
    return calls > earlier.calls ? (milliseconds - earlier.milliseconds) / (calls - earlier.calls) : 0;
  }
};
// Of the look-ups of orders by customer.
[[nodiscard]] Result<CallCounts> customer_lookups(Stage& stage);

// The last part of a change's verdict for a person: kind, effect, test, windows.
[[nodiscard]] std::string verdict_text(const cli::Json& change);

}  // namespace pgtend::cli::demo
