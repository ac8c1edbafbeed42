#include "agent/change/migrate/plan.hpp"

#include <algorithm>
#include <set>

#include "agent/base/strings.hpp"

namespace pgtend::migrate {

namespace {

const MigrationFile* find(const std::vector<MigrationFile>& files, const std::string& id) {
  const auto name = parse_file_name(id.starts_with("R__") ? id + ".sql" : id + "__x.sql");
  if (!name) return nullptr;
  for (const auto& file : files)
    if (file.repeatable == name->repeatable && (file.repeatable ? file.id == id : file.version == name->version))
      return &file;
  return nullptr;
}

std::uint64_t version_of(const std::string& id) {
  return id.starts_with("R__") ? 0 : parse_version(id).value_or(0);
}

// By version, so that V7 and V0007 are one.
const LogRow* row_of(const std::map<std::string, LogRow>& applied, const MigrationFile& file) {
  for (const auto& [id, row] : applied)
    if (file.repeatable ? id == file.id : (!id.starts_with("R__") && version_of(id) == file.version)) return &row;
  return nullptr;
}

std::uint64_t highest(const std::map<std::string, LogRow>& applied) {
  std::uint64_t out = 0;
  for (const auto& [id, row] : applied) out = std::max(out, version_of(id));
  return out;
}

Item item_of(const MigrationFile& file, const LogRow* row, const Log& log, std::uint64_t newest) {
  Item out{file.id, file.name, file.path, State::pending, {}, {}, {}};
  if (row != nullptr) {
    out.applied_at = row->applied_at;
    out.applied_by = row->applied_by;
    const bool same = row->checksum == file.checksum;
    out.state = row->action == Action::baseline ? State::baseline : State::applied;
    if (!same && file.repeatable) {
      out.state = State::pending;
      out.detail = "changed since it was applied";
    } else if (!same) {
      out.state = State::checksum_drift;
      out.detail = "the file is not the one that was applied";
    }
  } else if (!file.repeatable && file.version < newest) {
    out.state = State::out_of_order;
    out.detail = "version " + std::to_string(newest) + " is applied already";
  }
  if (!log.progress || log.progress->id != file.id) return out;
  out.state = log.progress->error.empty() ? State::unfinished : State::failed;
  out.detail = std::to_string(log.progress->digests.size()) + " statements of @" +
               (log.progress->action == "up" ? "up" : "down") + " done" +
               (log.progress->error.empty() ? "" : ": " + log.progress->error);
  return out;
}

bool comes_before(const Item& a, const Item& b) {
  const bool a_repeats = a.id.starts_with("R__"), b_repeats = b.id.starts_with("R__");
  if (a_repeats != b_repeats) return b_repeats;
  return a_repeats ? a.id < b.id : version_of(a.id) < version_of(b.id);
}

tl::unexpected<Error> broken_chain(const std::string& why) {
  return fail(Errc::corrupt, "the history in pgtend.change_log was changed by hand: " + why +
                                 "; nothing is applied on it. Restore the row, or compare: pgtend migrate verify");
}

tl::unexpected<Error> changed_file(const MigrationFile& file) {
  return fail(Errc::conflict, file.path + ":1: the file is not the one that was applied as " + file.id +
                                  "; restore it and write what is new as a migration of its own (pgtend migrate new)");
}

// A change under way that `action` cannot go on with.
Result<void> unfinished_permits(const std::vector<MigrationFile>& files, const Log& log, bool up) {
  if (!log.progress || !log.progress->is_half_done()) return {};
  const auto& p = *log.progress;
  const auto* file = find(files, p.id);
  if (file == nullptr)
    return fail(Errc::conflict, p.id + " is unfinished and there is no file of it; put the file back");
  if (up && p.action == "down")
    return fail(Errc::conflict, p.id + " is being taken back; finish that first: pgtend migrate down");
  return {};
}

Result<void> needs_are_met(const MigrationFile& file, const std::map<std::string, LogRow>& applied,
                           const std::vector<const MigrationFile*>& before) {
  for (const auto needed : file.needs) {
    const bool met =
        std::any_of(applied.begin(), applied.end(), [&](const auto& one) { return version_of(one.first) == needed; }) ||
        std::any_of(before.begin(), before.end(), [&](const auto* one) { return one->version == needed; });
    if (!met)
      return fail(Errc::conflict,
                  file.path + ":1: requires version " + std::to_string(needed) + ", which is not applied");
  }
  return {};
}

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::applied:
      return "applied";
    case State::baseline:
      return "baseline";
    case State::pending:
      return "pending";
    case State::failed:
      return "failed";
    case State::unfinished:
      return "unfinished";
    case State::checksum_drift:
      return "checksum_drift";
    case State::missing_file:
      return "missing_file";
    case State::out_of_order:
      return "out_of_order";
    case State::lost:
      return "lost";
  }
  return "pending";
}

std::vector<Item> items(const std::vector<MigrationFile>& files, const Log& log, const std::vector<std::string>& lost) {
  const auto applied = log.applied();
  const auto newest = highest(applied);
  std::vector<Item> out;
  for (const auto& file : files) out.push_back(item_of(file, row_of(applied, file), log, newest));
  for (const auto& [id, row] : applied) {
    if (find(files, id) != nullptr) continue;
    out.push_back({id, row.name, "", State::missing_file, "it is applied and there is no file of it", row.applied_at,
                   row.applied_by});
  }
  for (const auto& id : lost) {
    auto known = std::find_if(out.begin(), out.end(), [&](const Item& item) { return item.id == id; });
    if (known == out.end()) known = out.insert(known, {id, "", "", State::lost, "", {}, ""});
    known->state = State::lost;
    known->detail = "it was applied; the database was restored or promoted to a point before that";
  }
  std::sort(out.begin(), out.end(), comes_before);
  return out;
}

Result<std::vector<const MigrationFile*>> pending(const std::vector<MigrationFile>& files, const Log& log,
                                                  const UpOptions& options) {
  if (const auto why = log.broken(); !why.empty()) return broken_chain(why);
  if (auto ok = unfinished_permits(files, log, true); !ok) return fail(std::move(ok.error()));
  const auto applied = log.applied();
  const auto newest = highest(applied);
  const auto wanted = [&](const MigrationFile& file) {
    return !options.to || (!file.repeatable && file.version <= *options.to);
  };
  if (options.to && std::none_of(files.begin(), files.end(),
                                 [&](const MigrationFile& f) { return !f.repeatable && f.version == *options.to; }))
    return fail(Errc::not_found, "there is no file of version " + std::to_string(*options.to));
  std::vector<const MigrationFile*> out;
  for (const auto& file : files) {
    const auto* row = row_of(applied, file);
    const bool changed = row != nullptr && row->checksum != file.checksum;
    if (changed && !file.repeatable) return changed_file(file);
    if ((row != nullptr && !changed) || !wanted(file)) continue;
    const bool resumes = log.progress && log.progress->id == file.id;
    if (!file.repeatable && file.version < newest && !options.out_of_order && !resumes)
      return fail(Errc::conflict, file.path + ":1: " + file.id + " is not applied and version " +
                                      std::to_string(newest) +
                                      " is; give it the next number, or apply it late with "
                                      "pgtend migrate up --out-of-order");
    if (auto met = needs_are_met(file, applied, out); !met) return fail(std::move(met.error()));
    out.push_back(&file);
  }
  const bool half_done = log.progress && log.progress->is_half_done();
  if (half_done && (out.empty() || out.front()->id != log.progress->id))
    return fail(Errc::conflict, log.progress->id +
                                    " is unfinished and comes first: pgtend migrate up without --to, or "
                                    "take it back with pgtend migrate down");
  return out;
}

Result<std::vector<const MigrationFile*>> to_take_back(const std::vector<MigrationFile>& files, const Log& log,
                                                       const DownOptions& options) {
  if (const auto why = log.broken(); !why.empty()) return broken_chain(why);
  if (auto ok = unfinished_permits(files, log, false); !ok) return fail(std::move(ok.error()));
  std::vector<LogRow> rows;
  for (const auto& [id, row] : log.applied())
    if (!id.starts_with("R__") && version_of(id) > options.to.value_or(0)) rows.push_back(row);
  // The one that was applied last goes first, also where one was applied late.
  std::sort(rows.begin(), rows.end(), [](const LogRow& a, const LogRow& b) { return a.sequence > b.sequence; });
  std::vector<const MigrationFile*> out;
  const auto* unfinished = log.progress && log.progress->is_half_done() ? find(files, log.progress->id) : nullptr;
  if (unfinished != nullptr && !unfinished->repeatable) out.push_back(unfinished);
  for (const auto& row : rows) {
    if (!options.to && static_cast<int>(out.size()) >= options.steps) break;
    const auto* file = find(files, row.id);
    if (file == unfinished && file != nullptr) continue;
    if (row.action == Action::baseline)
      return fail(Errc::refused, row.id + " was there before pgtend (baseline); it is not taken back");
    if (file == nullptr) return fail(Errc::conflict, "there is no file of " + row.id + "; put it back to take it back");
    if (file->checksum != row.checksum) return changed_file(*file);
    out.push_back(file);
  }
  for (const auto* file : out)
    if (file->down.empty())
      return fail(Errc::refused, file->path + ":1: there is no section @down; " + file->id + " cannot be taken back");
  return out;
}

Result<Objects> expected_objects(const Log& log) {
  Objects out;
  for (const auto& row : log.rows) {
    auto objects = parse_objects(row.objects);
    if (!objects) return fail(std::move(objects.error()), "row " + std::to_string(row.sequence));
    for (auto& [key, definition] : *objects) out[key] = std::move(definition);
  }
  return out;
}

std::vector<std::string> object_drift(const Objects& expected, const Catalog& now) {
  std::vector<std::string> out;
  std::set<std::string> gone;
  for (const auto& [key, definition] : expected) {
    const auto it = now.find(key);
    if (definition && it == now.end()) {
      gone.insert(key);
      // That of a table that is gone says nothing more.
      if (!gone.contains(table_key_of(key))) out.push_back(key + " is gone");
    } else if (definition && it->second != *definition) {
      out.push_back(key + " is \"" + it->second + "\" and was left as \"" + *definition + "\"");
    } else if (!definition && it != now.end()) {
      out.push_back(key + " was dropped and is there again");
    }
  }
  for (const auto& [key, definition] : now) {
    const auto table = expected.find(table_key_of(key));
    if (table != expected.end() && table->second && !expected.contains(key)) out.push_back(key + " was added by hand");
  }
  return out;
}

}  // namespace pgtend::migrate
