#include "agent/change/core.hpp"

#include <filesystem>
#include <fstream>

#include "agent/base/log.hpp"
#include "agent/change/notes.hpp"

namespace pgtend::change {
namespace {

// Of this host, which is the server's when the acting session is local; 0 when it cannot be read.
std::int64_t memory_of_host() {
  std::ifstream in("/proc/meminfo");
  std::string word;
  std::int64_t kilobytes = 0;
  while (in >> word)
    if (word == "MemTotal:" && in >> kilobytes) return kilobytes * 1024;
  return 0;
}

}  // namespace

Millis Core::jitter(Millis limit) {
  return Millis(std::uniform_int_distribution<std::int64_t>(0, std::max<std::int64_t>(0, limit.count()))(random));
}

std::string acting_database(const Core& core, const ProposedChange& plan) {
  const bool whole_instance = plan.kind == ChangeKind::pgbouncer || plan.action == ActionClass::system_setting ||
                              plan.action == ActionClass::restart_setting || plan.action == ActionClass::role_setting;
  return whole_instance || plan.database.empty() ? core.options.home_database : plan.database;
}

bool is_signal(const ProposedChange& plan) {
  return plan.kind == ChangeKind::session;
}

bool is_repeatable(const ProposedChange& plan) {
  return plan.kind == ChangeKind::refresh || plan.kind == ChangeKind::maintenance;
}

Work work_of(const Core& core, const Change& change, bool reverse) {
  Work out;
  out.plan = change.plan;
  out.change_id = change.id;
  out.reverse = reverse;
  const Notes notes(change.evidence_before);
  out.ours = notes.time("intent_at").has_value();
  out.catalog = notes.object("catalog");
  if (const auto* d = std::get_if<PgbouncerChange>(&change.plan.detail); d != nullptr && core.parts.poolers) {
    for (auto& pooler : core.parts.poolers())
      if (pooler.name == d->pooler) out.pooler = std::move(pooler);
  }
  for (const auto& session : core.parts.lanes.sessions())
    if (session.local) out.ram_bytes = memory_of_host();
  return out;
}

net::TaskResult<Change> move(CorePtr core, Change next, ChangeState from, std::string action, std::string result,
                             std::string actor) {
  next.updated_at = core->parts.clock.now();
  const auto step = std::string(to_string(from)) + ">" + std::string(to_string(next.state));
  core->fault("before " + step);
  store::AuditDraft draft;
  draft.actor = actor.empty() ? core->parts.actor : std::move(actor);
  draft.action = std::move(action);
  draft.subject = next.id;
  draft.before = to_string(from);
  draft.after = to_string(next.state);
  draft.result = std::move(result);
  const std::string action_name = draft.action, outcome = draft.result;
  auto job = [next, from, draft](store::Ledger& ledger) { return ledger.transition(next, from, draft); };
  auto moved = co_await with_ledger(core, job);
  if (!moved) {
    log::error("change not recorded",
               {{"change", next.id}, {"action", action_name}, {"error", moved.error().describe()}});
    co_return fail(std::move(moved.error()), action_name);
  }
  log::info("change", {{"id", next.id},
                       {"action", action_name},
                       {"state", std::string(to_string(next.state))},
                       {"object", next.plan.object},
                       {"result", outcome}});
  core->fault("after " + step);
  co_return next;
}

net::TaskResult<Freeze> read_freeze(CorePtr core) {
  std::error_code ignored;
  const auto& file = core->options.freeze_file;
  if (!file.empty() && std::filesystem::exists(file, ignored))
    co_return Freeze{true, "file " + file, "", std::nullopt, "remove the file"};
  if (core->parts.policy().frozen)
    co_return Freeze{true, "the configuration", "", std::nullopt, "set policy.frozen to false and reload"};
  auto job = [](store::Ledger& ledger) { return ledger.freeze_state(); };
  auto state = co_await with_ledger(core, job);
  if (!state) co_return fail(std::move(state.error()), "read the freeze switch");
  if (!state->frozen) co_return Freeze{};
  co_return Freeze{true, state->by.empty() ? std::string("the switch") : state->by, state->reason, state->since,
                   "pgtend freeze off"};
}

net::TaskResult<std::string> frozen_by(CorePtr core) {
  auto freeze = co_await read_freeze(core);
  if (!freeze) co_return fail(std::move(freeze.error()));
  co_return freeze->by;
}

std::string describe(const Freeze& freeze) {
  std::string out = "frozen by " + freeze.by;
  if (freeze.since) out += " since " + minute_text(*freeze.since);
  return freeze.reason.empty() ? out : out + ": " + freeze.reason;
}

std::string minute_text(UtcTime at) {
  const auto text = to_rfc3339(at);
  return text.substr(0, 10) + " " + text.substr(11, 5) + " UTC";
}

}  // namespace pgtend::change
