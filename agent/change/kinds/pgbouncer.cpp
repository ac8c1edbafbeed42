#include "agent/change/kinds/pgbouncer.hpp"

#include <algorithm>
#include <filesystem>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/file_swap.hpp"
#include "agent/change/kinds/ini_text.hpp"
#include "agent/change/kinds/pgbouncer_settings.hpp"

namespace pgtend::change {
namespace {

const std::string kReload = "RELOAD";

const PgbouncerChange& detail_of(const Work& work) {
  return std::get<PgbouncerChange>(work.plan.detail);
}
std::string mark_of(const Work& work) {
  return "pgtend-" + work.change_id.substr(0, 8);
}

// No SQL: what is done to the file, in its own words.
std::string line_of(const PgbouncerChange& d, const std::optional<std::string>& value) {
  return "pgbouncer.ini: " + (value ? d.name + " = " + *value : "no line for " + d.name);
}
std::vector<std::string> way_there(const PgbouncerChange& d) {
  return {line_of(d, d.value), kReload};
}
std::vector<std::string> way_back(const PgbouncerChange& d) {
  return {line_of(d, d.previous), kReload};
}

// What the line has after this direction of the change, and what it has before.
std::optional<std::string> wanted(const Work& work) {
  return work.reverse ? detail_of(work).previous : detail_of(work).value;
}
std::optional<std::string> replaced(const Work& work) {
  return work.reverse ? std::optional(detail_of(work).value) : detail_of(work).previous;
}

Result<Pooler> configured(const Work& work) {
  if (work.pooler) return *work.pooler;
  const auto& name = detail_of(work).pooler;
  return fail(Errc::not_found, "no pgbouncer.ini may be edited of the pooler" +
                                   (name.empty() ? std::string(" without a name") : " \"" + name + "\"") +
                                   "; give ini_file in its item of pgbouncer in pgtend.yaml");
}

net::TaskResult<std::string> read_ini(Pooler pooler) {
  auto job = [path = pooler.ini_file]() -> Result<std::string> {
    auto text = read_whole(path);
    if (text || text.error().code != Errc::permission) return text;
    const auto missing = missing_file_rights(path);
    if (missing) text.error().message += "; missing right: " + join(*missing, "; ");
    return text;
  };
  auto text = co_await net::run_on(pooler.blocking, job);
  co_return text;
}

// The file and the process, side by side.
struct Seen {
  Pooler pooler;
  std::string ini;
  std::map<std::string, std::string> settings;  // of the file
  RowSet config;                                // of the console
  RunningSetting running;
  std::optional<std::string> line;  // the value in the file
};

net::TaskResult<Seen> look(Work work) {
  auto pooler = configured(work);
  if (!pooler) co_return fail(std::move(pooler.error()));
  auto ini = co_await read_ini(*pooler);
  if (!ini) co_return fail(std::move(ini.error()));
  auto settings = settings_of(*ini);
  if (!settings) co_return fail(std::move(settings.error()), pooler->ini_file);
  const std::string show = "SHOW CONFIG";
  auto config = co_await ask_console(*pooler, show);
  if (!config) co_return fail(std::move(config.error()));
  const auto& name = detail_of(work).name;
  const auto running = running_setting(*config, name);
  if (!running) co_return fail(Errc::unsupported, "this version of PgBouncer has no setting " + name);
  Seen out{*pooler, std::move(*ini), std::move(*settings), std::move(*config), *running, std::nullopt};
  if (const auto it = out.settings.find(name); it != out.settings.end()) out.line = it->second;
  co_return out;
}

bool same_line(const std::optional<std::string>& a, const std::optional<std::string>& b) {
  return a.has_value() == b.has_value() && (!a || *a == *b);
}

// Whether the process runs with what a line of this value gives.
bool runs_with(const Seen& seen, const std::optional<std::string>& value) {
  return same_number(seen.running.value, value.value_or(seen.running.by_default));
}

// RELOAD takes the whole file: what somebody wrote into it and did not load yet would come into force with it.
Result<void> is_loaded(const Seen& seen) {
  for (const auto& setting : pgbouncer_settings()) {
    const auto line = seen.settings.find(std::string(setting.name));
    const auto running = running_setting(seen.config, setting.name);
    if (!running) continue;
    const auto& file = line == seen.settings.end() ? running->by_default : line->second;
    if (same_number(file, running->value)) continue;
    return fail(Errc::conflict, std::string(setting.name) + " is " + file + " in " + seen.pooler.ini_file + " and " +
                                    running->value +
                                    " in PgBouncer: somebody edited and did not RELOAD, or changed it by SET");
  }
  return {};
}

Result<void> is_its_file(const Seen& seen) {
  const auto conffile = running_setting(seen.config, "conffile");
  if (!conffile || conffile->value.empty() || conffile->value.front() != '/') return {};
  std::error_code error;
  if (std::filesystem::equivalent(conffile->value, seen.pooler.ini_file, error) || error) return {};
  return fail(Errc::conflict, "PgBouncer reads " + conffile->value + ", and ini_file is " + seen.pooler.ini_file);
}

// One pool alone must not need more connections than the server takes.
net::TaskResult<RowSet> fits_server(Asker* asker, PgbouncerChange d) {
  const auto& all = pgbouncer_settings();
  const bool is_pool =
      std::any_of(all.begin(), all.end(), [&](const auto& each) { return each.name == d.name && each.is_pool; });
  if (!is_pool) co_return RowSet();
  const std::string sql =
      "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most";
  const pg::Params none;
  auto rows = co_await asker->ask(sql, none);
  if (!rows) co_return fail(std::move(rows.error()), "read max_connections");
  const auto most = rows->integer(0, "most").value_or(0);
  if (std::stoll(d.value) > most)
    co_return fail(Errc::refused, d.name + " = " + d.value + " is more than the " + std::to_string(most) +
                                      " connections that the server takes");
  co_return rows;
}

std::string found_text(const PgbouncerChange& d, const Seen& seen) {
  return seen.pooler.ini_file + " has " + (seen.line ? d.name + " = " + *seen.line : "no " + d.name) +
         ", and PgBouncer runs with " + seen.running.value;
}

}  // namespace

void PgbouncerKind::compose(ProposedChange& plan) const {
  const auto* d = std::get_if<PgbouncerChange>(&plan.detail);
  if (d != nullptr && plan.sql_up.empty()) plan.sql_up = way_there(*d);
}

Result<void> PgbouncerKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<PgbouncerChange>(&plan.detail);
  if (d == nullptr || plan.kind != ChangeKind::pgbouncer || plan.action != ActionClass::pgbouncer_setting)
    return fail(Errc::invalid_argument, "a change of pgbouncer.ini names its pooler, the setting and the value");
  if (auto allowed = check_setting(d->name, d->value); !allowed) return allowed;
  if (plan.sql_up != way_there(*d) || (!plan.sql_down.empty() && plan.sql_down != way_back(*d)))
    return fail(Errc::invalid_argument, "the steps are not what the plan describes, " + join(way_there(*d), "; "));
  return {};
}

std::string PgbouncerKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<PgbouncerChange>(plan.detail);
  return "pgbouncer" + (d.pooler.empty() ? "" : "/" + d.pooler) + " " + d.name;
}

net::TaskResult<ProposedChange> PgbouncerKind::complete(Asker*, Work work) const {
  auto pooler = configured(work);
  if (!pooler) co_return fail(std::move(pooler.error()));
  auto ini = co_await read_ini(*pooler);
  if (!ini) co_return fail(std::move(ini.error()));
  auto settings = settings_of(*ini);
  if (!settings) co_return fail(std::move(settings.error()), pooler->ini_file);
  auto plan = std::move(work.plan);
  auto& d = std::get<PgbouncerChange>(plan.detail);
  const auto line = settings->find(d.name);
  // What was no number is no value of the list either, and must not come into the ledger.
  if (line != settings->end())
    if (auto number = check_setting(d.name, line->second); !number)
      co_return fail(Errc::unsupported, d.name + " in " + pooler->ini_file + " is no plain number; edit it by hand");
  d.previous = line == settings->end() ? std::nullopt : std::optional(line->second);
  plan.sql_down = way_back(d);
  co_return plan;
}

net::TaskResult<std::vector<std::string>> PgbouncerKind::missing_rights(Asker*, Work work) const {
  auto pooler = configured(work);
  if (!pooler) co_return fail(std::move(pooler.error()));
  auto job = [path = pooler->ini_file] { return missing_file_rights(path); };
  auto missing = co_await net::run_on(pooler->blocking, job);
  if (!missing) co_return missing;
  const std::string show = "SHOW CONFIG";
  auto config = co_await ask_console(*pooler, show);
  if (!config) co_return fail(std::move(config.error()));
  const auto& user = pooler->console.parameters.at("user");
  if (!is_admin(*config, user))
    missing->push_back("RELOAD as " + user + ": add it to admin_users in " + pooler->ini_file +
                       " and RELOAD as an administrator, or name one as admin_user in pgtend.yaml");
  co_return missing;
}

net::TaskResult<std::string> PgbouncerKind::fingerprint(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto seen = co_await look(work);
  if (!seen) co_return fail(std::move(seen.error()));
  if (!seen->running.changeable)
    co_return fail(Errc::unsupported, d.name + " takes effect only when PgBouncer is started again");
  if (auto own = is_its_file(*seen); !own) co_return fail(std::move(own.error()));
  if (auto loaded = is_loaded(*seen); !loaded) co_return fail(std::move(loaded.error()));
  auto fits = co_await fits_server(asker, d);
  if (!fits) co_return fail(std::move(fits.error()));
  // No hash of a file that may hold passwords.
  co_return std::to_string(seen->ini.size()) + " bytes, " + (seen->line ? d.name + " = " + *seen->line : "not set");
}

net::TaskResult<Standing> PgbouncerKind::probe(Asker*, Work work) const {
  const auto& d = detail_of(work);
  auto seen = co_await look(work);
  if (!seen) co_return fail(std::move(seen.error()));
  const auto found = found_text(d, *seen);
  if (same_line(seen->line, wanted(work)))
    co_return Standing{runs_with(*seen, wanted(work)) ? Presence::done : Presence::partial, found};
  if (!same_line(seen->line, replaced(work))) co_return Standing{Presence::foreign, found};
  // On the way there the gates look for it.
  if (auto loaded = is_loaded(*seen); !loaded && work.reverse)
    co_return Standing{Presence::foreign, loaded.error().message};
  auto job = [path = seen->pooler.ini_file, mark = mark_of(work)] { return has_leftover(path, mark); };
  const bool left = work.ours && co_await net::run_on(seen->pooler.blocking, job);
  co_return Standing{left ? Presence::partial : Presence::not_begun, found};
}

net::TaskResult<std::vector<Step>> PgbouncerKind::steps(Asker*, Work work) const {
  auto seen = co_await look(work);
  if (!seen) co_return fail(std::move(seen.error()));
  const bool by_kind = true;
  std::vector<Step> out;
  if (!same_line(seen->line, wanted(work)))
    out.push_back({line_of(detail_of(work), wanted(work)), Regime::plain, Millis(0), by_kind});
  out.push_back({kReload, Regime::plain, Millis(0), by_kind});
  co_return out;
}

net::TaskResult<RowSet> PgbouncerKind::carry_out(Step step, Work work) const {
  auto pooler = configured(work);
  if (!pooler) co_return fail(std::move(pooler.error()));
  if (step.sql == kReload) {
    auto loaded = co_await ask_console(*pooler, kReload);
    co_return loaded;
  }
  // Read and replaced in one go, so that what is written is what is there now but for the one line.
  auto job = [path = pooler->ini_file, mark = mark_of(work), d = detail_of(work), before = replaced(work),
              after = wanted(work)]() -> Result<void> {
    auto ini = read_whole(path);
    if (!ini) return fail(std::move(ini.error()));
    auto settings = settings_of(*ini);
    if (!settings) return fail(std::move(settings.error()), path);
    const auto line = settings->find(d.name);
    const auto now = line == settings->end() ? std::nullopt : std::optional(line->second);
    if (!same_line(now, before)) return fail(Errc::conflict, "somebody has just changed " + d.name + " in " + path);
    auto text = with_setting(*ini, d.name, after);
    if (!text) return fail(std::move(text.error()), path);
    return swap_file(path, *text, mark);
  };
  auto swapped = co_await net::run_on(pooler->blocking, job);
  if (!swapped) co_return fail(std::move(swapped.error()));
  co_return RowSet();
}

net::TaskResult<RowSet> PgbouncerKind::clean(Asker* asker, Work work) const {
  auto finished = co_await finish(asker, work);
  if (!finished) co_return finished;
  auto seen = co_await look(work);
  if (!seen) co_return fail(std::move(seen.error()));
  if (!same_line(seen->line, wanted(work))) co_return RowSet();
  auto back = work;
  back.reverse = !work.reverse;
  const Step line{line_of(detail_of(work), wanted(back)), Regime::plain, Millis(0), true};
  auto restored = co_await carry_out(line, back);
  if (!restored) co_return restored;
  const Step reload{kReload, Regime::plain, Millis(0), true};
  auto loaded = co_await carry_out(reload, back);
  // It may be what was refused before; the file is right again, and the process does not run with the new value.
  const bool refused = !loaded && loaded.error().code != Errc::unavailable && loaded.error().code != Errc::timeout;
  if (refused) co_return RowSet();
  co_return loaded;
}

net::TaskResult<RowSet> PgbouncerKind::finish(Asker*, Work work) const {
  auto pooler = configured(work);
  if (!pooler) co_return fail(std::move(pooler.error()));
  auto job = [path = pooler->ini_file, mark = mark_of(work)] {
    remove_leftover(path, mark);
    return true;
  };
  co_await net::run_on(pooler->blocking, job);
  co_return RowSet();
}

}  // namespace pgtend::change
