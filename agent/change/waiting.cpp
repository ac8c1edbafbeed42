#include "agent/change/core.hpp"

// What a person reads of a change that does not go on.
namespace pgtend::change {
namespace {

// Another change that is worked on in the same database now, before it shows in any state.
std::string busy_elsewhere(const Core& core, const Change& change) {
  if (is_signal(change.plan)) return {};
  const auto database = acting_database(core, change.plan);
  for (const auto& [id, where] : core.busy)
    if (id != change.id && where == database) return "change " + id.substr(0, 8) + " is at work in database " + where;
  return {};
}

std::string trouble_of(const Core& core, const Change& change) {
  const auto it = core.trouble.find(change.id);
  return it == core.trouble.end() ? std::string() : it->second;
}

std::string deferred(const Change& change) {
  std::string out = change.not_before ? "it is tried again at " + minute_text(*change.not_before) : "it is tried again";
  return change.last_error.empty() ? out : out + ": " + change.last_error;
}

}  // namespace

net::Task<std::string> waits_for(CorePtr core, Change change) {
  switch (change.state) {
    case ChangeState::proposed:
      co_return "an approval, until " + (change.expires_at ? minute_text(*change.expires_at) : std::string("it ends"));
    case ChangeState::needs_restart:
      co_return "a restart of the server, which a person does";
    case ChangeState::deferred:
      if (change.not_before && core->parts.clock.now() < *change.not_before) co_return deferred(change);
      break;
    case ChangeState::approved:
      break;
    case ChangeState::reverting: {
      auto freeze = co_await read_freeze(core);
      if (freeze && freeze->on) co_return describe(*freeze);
      co_return trouble_of(*core, change);
    }
    case ChangeState::pre_validated:
    case ChangeState::applying:
      if (const auto it = core->progress.find(change.id); it != core->progress.end() && it->second.waiting_for_pid)
        co_return "session " + std::to_string(*it->second.waiting_for_pid) + ", which is in the way";
      co_return trouble_of(*core, change);
    default:
      co_return std::string();
  }
  auto weighed = co_await weigh(core, change);
  if (!weighed) co_return "the ledger, which cannot be read: " + weighed.error().describe();
  if (!weighed->waits.empty()) co_return weighed->waits;
  auto other = busy_elsewhere(*core, change);
  co_return other.empty() ? trouble_of(*core, change) : other;
}

}  // namespace pgtend::change
