#include <filesystem>
#include <thread>

#include "agent/engine/migrating.hpp"
#include "agent/store/ledger.hpp"

namespace pgtend::engine {

namespace {

// Other runners have the file for some milliseconds at a time; an agent keeps it.
constexpr Millis kOthersTime{3'000}, kPoll{20};

Result<std::unique_ptr<store::Ledger>> open_in_turn(const std::string& path, const Clock& clock) {
  const auto give_up = clock.steady_now() + kOthersTime;
  while (true) {
    auto ledger = store::Ledger::open(path, clock);
    if (ledger || ledger.error().code != Errc::conflict || clock.steady_now() >= give_up) return ledger;
    std::this_thread::sleep_for(kPoll);
  }
}

// Nothing where there is no ledger and nobody made room for one.
Result<std::unique_ptr<store::Ledger>> open_ledger(const std::string& path, const Clock& clock, bool make) {
  std::error_code error;
  const bool there = std::filesystem::exists(path, error);
  if (error) return fail(Errc::permission, path + ": " + error.message());
  const auto folder = std::filesystem::path(path).parent_path();
  if (!there && (!make || !std::filesystem::is_directory(folder, error))) return std::unique_ptr<store::Ledger>();
  auto ledger = open_in_turn(path, clock);
  if (!ledger)
    return fail(std::move(ledger.error()),
                "no agent answers and its ledger cannot be used; run this as the agent's user or as root");
  return ledger;
}

}  // namespace

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
    return (*ledger)->set_meta(key, history, drafts);
  };
  return door;
}

}  // namespace pgtend::engine
