#pragma once

#include "agent/change/migrate/plan.hpp"
#include "agent/change/migrate/session.hpp"

namespace pgtend::migrate {

struct Report {
  std::vector<LogRow> done;      // in order
  Log log;                       // as it is afterwards
  std::optional<Error> failure;  // why it stopped early; what is in `done` stays
};

// Applies what is pending. A file of tx=all is one transaction with its row of the log; of tx=none each statement is
// one with its progress, and what cannot run in a transaction is looked for in the catalogs before it is run again. A
// run that was interrupted anywhere goes on from there. Failures are in the report: those of pending(), refused
// (freeze, pooler, standby, a check), timeout (locks), and the server's with file:line.
net::Task<Report> up(Session* session, const std::vector<MigrationFile>* files, UpOptions options);
// Takes back the newest. Failures as above.
net::Task<Report> down(Session* session, const std::vector<MigrationFile>* files, DownOptions options);
// A file whose work was there before pgtend.
struct Noted {
  const MigrationFile* file = nullptr;
  std::string by;             // who applied it; empty: who asks now
  std::optional<UtcTime> at;  // when; nullopt: now
};
// Every version up to `version`. Errors: not_found (it is none of the folder's).
[[nodiscard]] Result<std::vector<Noted>> up_to(const std::vector<MigrationFile>& files, std::uint64_t version);
// Notes these as there already, without running them. Failures: conflict (something is applied already).
net::Task<Report> baseline(Session* session, const std::vector<Noted>* wanted);

}  // namespace pgtend::migrate
