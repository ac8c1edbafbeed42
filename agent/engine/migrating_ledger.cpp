#include <filesystem>

#include "agent/engine/migrating.hpp"
#include "agent/store/ledger.hpp"

namespace pgtend::engine {

namespace {

// Nothing where there is no ledger and nobody made room for one.
Result<std::unique_ptr<store::Ledger>> open_ledger(const std::string& path, const Clock& clock, bool make) {
  std::error_code error;
  const bool there = std::filesystem::exists(path, error);
  if (error) return fail(Errc::permission, path + ": " + error.message());
  const auto folder = std::filesystem::path(path).parent_path();
  if (!there && (!make || !std::filesystem::is_directory(folder, error))) return std::unique_ptr<store::Ledger>();
  auto ledger = store::Ledger::open(path, clock);
  if (!ledger)
    return fail(std::move(ledger.error()),
                "no agent answers and its ledger cannot be used; run this as the agent's user or as root");
  return ledger;
}

}  // namespace

Result<void> note_migrations(store::Ledger& ledger, const std::string& key, const std::string& history,
                             const std::vector<store::AuditDraft>& drafts) {
  for (const auto& draft : drafts)
    if (auto entry = ledger.audit(draft); !entry) return fail(std::move(entry.error()));
  return ledger.set_meta(key, history);
}

LedgerDoor ledger_file_door(const std::string& path) {
  LedgerDoor door;
  door.frozen_by = [path]() -> Result<std::string> {
    const SystemClock clock;
    auto ledger = open_ledger(path, clock, false);
    if (!ledger) return fail(std::move(ledger.error()));
    if (!*ledger) return std::string();
    auto state = (*ledger)->freeze_state();
    if (!state) return fail(std::move(state.error()));
    return state->frozen ? state->by : std::string();
  };
  door.history = [path](const std::string& key) -> Result<std::string> {
    const SystemClock clock;
    auto ledger = open_ledger(path, clock, false);
    if (!ledger) return fail(std::move(ledger.error()));
    if (!*ledger) return std::string();
    auto text = (*ledger)->get_meta(key);
    if (!text) return fail(std::move(text.error()));
    return text->value_or("");
  };
  door.note = [path](const std::string& key, const std::string& history,
                     const std::vector<store::AuditDraft>& drafts) -> Result<void> {
    const SystemClock clock;
    auto ledger = open_ledger(path, clock, true);
    if (!ledger) return fail(std::move(ledger.error()));
    if (!*ledger) return {};
    return note_migrations(**ledger, key, history, drafts);
  };
  return door;
}

}  // namespace pgtend::engine
