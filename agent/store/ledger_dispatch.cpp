#include <algorithm>

#include "agent/store/ledger_impl.hpp"
#include "agent/store/ledger_json.hpp"

// Groups, flapping and silences in the ledger.
namespace pgtend::store {

namespace {

// Keys of meta.
constexpr const char* kFlaps = "dispatch.flaps";
constexpr const char* kSequence = "dispatch.sequence";

}  // namespace

Result<void> save_dispatch(Database& db, const DispatchChange& change) {
  for (const auto& group : change.saved) {
    auto put = db.cached("INSERT OR REPLACE INTO alert_groups (key, body) VALUES (?1, ?2)");
    if (!put) return fail(std::move(put).error());
    const auto body = dump(to_json(group));
    PGTEND_STORE_TRY((*put)->bind(1, group.key).bind(2, body).run());
  }
  for (const auto& key : change.ended) {
    auto remove = db.cached("DELETE FROM alert_groups WHERE key=?1");
    if (!remove) return fail(std::move(remove).error());
    PGTEND_STORE_TRY((*remove)->bind(1, key).run());
  }
  if (change.sequence == 0) return {};
  auto meta = db.cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)");
  if (!meta) return fail(std::move(meta).error());
  PGTEND_STORE_TRY((*meta)->bind(1, kFlaps).bind(2, dump(to_json(change.flaps))).run());
  return (*meta)->bind(1, kSequence).bind(2, std::to_string(change.sequence)).run();
}

Result<DispatchState> Ledger::load_dispatch() {
  DispatchState state;
  auto query = impl_->db->cached("SELECT body FROM alert_groups");
  if (!query) return fail(std::move(query).error(), "ledger");
  PGTEND_STORE_TRY(each_row(**query, [&](Statement& row) -> Result<void> {
    auto group = parse_stored<AlertGroup>(row.view(0));
    if (!group) return fail(std::move(group).error(), "ledger");
    auto key = group->key;
    state.groups.emplace(std::move(key), std::move(*group));
    return {};
  }));
  auto flaps = impl_->get_meta(kFlaps);
  if (!flaps) return fail(std::move(flaps).error(), "ledger");
  if (*flaps) {
    auto parsed = parse_stored<std::map<std::uint64_t, FlapMemory>>(**flaps);
    if (!parsed) return fail(std::move(parsed).error(), "ledger");
    state.flaps = std::move(*parsed);
  }
  auto sequence = impl_->get_meta(kSequence);
  if (!sequence) return fail(std::move(sequence).error(), "ledger");
  if (*sequence) state.sequence = std::stoll("0" + **sequence);
  return state;
}

Result<void> Ledger::put_silence(const Silence& silence, const AuditDraft& draft) {
  return impl_->together(&draft, [&]() -> Result<void> {
    auto put = impl_->db->cached("INSERT OR REPLACE INTO silences (id, ended_at, body) VALUES (?1, ?2, ?3)");
    if (!put) return fail(std::move(put).error());
    const auto over = silence.ended_at ? silence.ended_at : silence.ends_at;
    PGTEND_STORE_TRY((*put)->bind(1, silence.id).bind(2, over).bind(3, dump(to_json(silence))).run());
    auto prune = impl_->db->cached("DELETE FROM silences WHERE ended_at<?1");
    if (!prune) return fail(std::move(prune).error());
    return (*prune)->bind(1, impl_->clock.now() - kEndedSilencesKept).run();
  });
}

Result<std::vector<Silence>> Ledger::silences() {
  auto query = impl_->db->cached("SELECT body FROM silences");
  if (!query) return fail(std::move(query).error(), "ledger");
  std::vector<Silence> out;
  PGTEND_STORE_TRY(each_row(**query, [&](Statement& row) -> Result<void> {
    auto silence = parse_stored<Silence>(row.view(0));
    if (!silence) return fail(std::move(silence).error(), "ledger");
    out.push_back(std::move(*silence));
    return {};
  }));
  std::sort(out.begin(), out.end(), [](const Silence& a, const Silence& b) { return a.starts_at > b.starts_at; });
  return out;
}

}  // namespace pgtend::store
