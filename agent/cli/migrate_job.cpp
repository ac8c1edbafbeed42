#include <pwd.h>
#include <unistd.h>

#include <iostream>

#include "agent/cli/migrate.hpp"

namespace pgtend::cli {

namespace {

std::string who() {
  const auto* entry = ::getpwuid(::getuid());
  return "person:" + (entry != nullptr ? std::string(entry->pw_name) : std::to_string(::getuid()));
}

// The ledger of a running agent; nothing when none answers.
std::optional<engine::LedgerDoor> agent_door(const Context& context) {
  const auto status = ask(context, "GET", "/v1/status");
  if (!status) return std::nullopt;
  const auto freeze = (*status)["item"]["freeze"];
  engine::LedgerDoor door;
  door.frozen_by = [freeze]() -> Result<std::string> {
    if (!freeze.value("frozen", false)) return std::string();
    const auto by = cell(freeze, "by");
    return by.empty() ? "the agent" : by;
  };
  door.history = [&context](const std::string& key) -> Result<std::string> {
    const auto answer = ask(context, "GET", "/v1/migrations?key=" + url_encode(key));
    if (!answer) return fail(answer.error());
    return cell((*answer)["item"], "history");
  };
  door.note = [&context](const std::string& key, const std::string& history, const auto& drafts) -> Result<void> {
    auto entries = Json::array();
    for (const auto& draft : drafts)
      entries.push_back({{"action", draft.action},
                         {"subject", draft.subject},
                         {"before", draft.before},
                         {"after", draft.after},
                         {"result", draft.result}});
    const auto answer =
        ask(context, "POST", "/v1/migrations", {{"key", key}, {"history", history}, {"entries", entries}});
    if (!answer) return fail(answer.error());
    return {};
  };
  return door;
}

}  // namespace

std::optional<engine::MigrateResult> run_migrate_job(Context& context, const config::Config& config,
                                                     engine::MigrateJob job) {
  job.actor = who();
  job.agent = [&context] { return agent_door(context); };
  if (!context.json()) job.tell = [](const std::string& line) { std::cerr << line << "\n"; };
  auto result = engine::run_migrations(config, job);
  if (!result) {
    report(context, result.error());
    return std::nullopt;
  }
  for (const auto& note : result->notes) std::cerr << "pgtend: " << note << "\n";
  return std::optional<engine::MigrateResult>(std::move(*result));
}

}  // namespace pgtend::cli
