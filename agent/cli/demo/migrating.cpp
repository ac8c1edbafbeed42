// A person's migrations, applied three times.
#include "agent/cli/demo/acts.hpp"

namespace pgtend::cli::demo {

namespace {

constexpr const char* kFiles[] = {"V0001__invoices.sql", "V0002__invoices_due.sql", "R__open_invoices.sql"};

Result<std::string> write_files(const std::filesystem::path& folder) {
  const auto set = folder / "migrations";
  std::error_code error;
  if (!std::filesystem::create_directory(set, error)) return fail(Errc::io, "cannot make " + set.string());
  for (const char* file : kFiles) {
    const auto text = embedded_text(std::string("packaging/demo/migrations/") + file);
    if (auto written = write_text(set / file, text); !written) return fail(std::move(written.error()));
  }
  return set.string();
}

// `log`: a file of its own for what this run writes.
Result<std::string> migrate(const Stage& stage, const std::string& what, const std::string& set,
                            const std::string& log) {
  return run_to_end({"/proc/self/exe", "-c", stage.agent->config_file().string(), "migrate", what, "--dir", set},
                    {.log = stage.folder->path() / (log + ".log"), .user = ""});
}

// The history, and the files in which the server keeps the objects: applying anything again would change one of them.
Result<std::string> traces(Stage& stage) {
  return stage.eye->value(R"(
    SELECT (SELECT string_agg(hash, ' ' ORDER BY sequence) FROM pgtend.change_log) || ' ' ||
           (SELECT string_agg(oid || ':' || relfilenode || ':' || xmin, ' ' ORDER BY oid) FROM pg_class
            WHERE relname LIKE '%invoices%'))");
}

}  // namespace

Result<void> migrate_thrice(Stage& stage) {
  stage.step = "migrated";
  stage.timeline.waiting("a migration set is applied");
  auto set = write_files(stage.folder->path());
  if (!set) return fail(std::move(set.error()));
  auto first = migrate(stage, "up", *set, "first");
  if (!first) return fail(std::move(first.error()));
  auto facts = stage.eye->run(R"(
    SELECT (SELECT count(*) FROM pgtend.change_log WHERE action = 'up') AS applied,
           (SELECT count(*) FROM invoices) AS rows, (SELECT count(*) > 0 FROM open_invoices) AS has_view,
           (SELECT count(*) FROM pg_index WHERE indexrelid = 'invoices_due_idx'::regclass AND indisvalid) AS valid,
           (SELECT relowner::regrole::text FROM pg_class WHERE relname = 'invoices') AS owner)");
  if (!facts) return fail(std::move(facts.error()));
  if (facts->integer(0, "applied") != 3 || facts->integer(0, "valid") != 1 || !facts->boolean(0, "has_view"))
    return fail(Errc::internal, "three files were applied, but PostgreSQL does not have what they make: " + *first);
  auto before = traces(stage);
  if (!before) return fail(std::move(before.error()));
  for (int again = 2; again <= 3; ++again) {
    auto more = migrate(stage, "up", *set, "run" + std::to_string(again));
    if (!more) return fail(std::move(more.error()));
    auto after = traces(stage);
    if (!after) return fail(std::move(after.error()));
    if (more->find("nothing to do") == std::string::npos || *after != *before)
      return fail(Errc::internal, "run " + std::to_string(again) + " did something again: " + *more);
  }
  auto verified = migrate(stage, "verify", *set, "verify");
  if (!verified) return fail(std::move(verified.error()));
  stage.timeline.done("migrated",
                      "3 files by pgtend migrate up: a table of " + facts->text(0, "rows") +
                          " rows, an index CONCURRENTLY, a view; the second and the third run did nothing",
                      {{"applied", 3},
                       {"runs", 3},
                       {"applied_again", 0},
                       {"rows", facts->integer(0, "rows").value_or(0)},
                       {"owner", facts->text(0, "owner")}},
                      {"history, catalogs and files compared after each run; run as " + facts->text(0, "owner")});
  return {};
}

}  // namespace pgtend::cli::demo
