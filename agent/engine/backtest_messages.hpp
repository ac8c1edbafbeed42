#pragma once

#include <optional>
#include <span>

#include "agent/engine/backtest_episodes.hpp"
#include "alerts/dispatch.hpp"
#include "alerts/life_cycle.hpp"

namespace pgtend::engine {

// A receiver behind Alertmanager's default waits, in place of a configuration that names none.
[[nodiscard]] alerts::DispatchRules default_dispatch();

struct MessageCount {
  const alerts::DispatchRules& rules;
  UtcTime end;  // of the looked-at range
  const Clock& clock;
  std::optional<Deadline> deadline;
};

// How many messages the alerts of a rule would have been: the dispatcher itself over these episodes, with every message
// acknowledged at once. Grouping, waits, repeats, escalation, mute times and flapping count; other rules' alerts,
// silences and our own changes do not. Errors: timeout.
[[nodiscard]] Result<std::size_t> messages_of(const alerts::CompiledRule& rule, std::span<const RuleEpisode> episodes,
                                              const MessageCount& count);

}  // namespace pgtend::engine
