#include "agent/store/ledger.hpp"

#include "agent/store/ledger_impl.hpp"

namespace pgtend::store {

namespace {

Result<void> check_sound(Database& db) {
  auto check = db.prepare("PRAGMA quick_check(1)");
  if (!check) return fail(std::move(check).error());
  auto row = check->step();
  if (!row) return fail(std::move(row).error());
  if (!*row || check->text(0) != "ok")
    return fail(Errc::corrupt, "quick_check of " + db.path() + " says: " + check->text(0));
  return {};
}

Result<std::unique_ptr<Database>> open_database(const std::string& path) {
  PGTEND_STORE_TRY(create_private(path));
  auto db = Database::open(path, OpenMode::read_write);
  if (!db) return fail(std::move(db).error());
  PGTEND_STORE_TRY(
      (*db)->exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
                  "PRAGMA cache_size=-512; PRAGMA journal_size_limit=4194304"));
  PGTEND_STORE_TRY(check_sound(**db));
  PGTEND_STORE_TRY(prepare_ledger_schema(**db));
  // Whoever held a lease was this agent before its restart.
  PGTEND_STORE_TRY((*db)->exec("UPDATE outbox SET lease_until=0 WHERE state='queued' AND lease_until<>0"));
  return db;
}

}  // namespace

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ledger::~Ledger() = default;

Result<std::unique_ptr<Ledger>> Ledger::open(std::string path, const Clock& clock) {
  if (path.empty()) return fail(Errc::invalid_argument, "the ledger needs a file name");
  auto lock = FileLock::take(path);
  if (!lock) return fail(std::move(lock).error(), "open ledger");
  auto db = open_database(path);
  if (!db) {
    auto error = std::move(db).error();
    if (error.code == Errc::corrupt)
      error.message += "; the file is left as it is: restore it from a copy, or move it away to start a new ledger";
    return fail(std::move(error), "open ledger " + path);
  }
  return std::unique_ptr<Ledger>(new Ledger(std::make_unique<Impl>(std::move(*lock), std::move(*db), clock)));
}

std::int64_t Ledger::bytes() const {
  return bytes_on_disk(impl_->db->path());
}

Result<void> each_row(Statement& statement, const std::function<Result<void>(Statement&)>& take) {
  while (true) {
    auto row = statement.step();
    if (!row) return fail(std::move(row).error());
    if (!*row) return {};
    if (auto taken = take(statement); !taken) {
      statement.reset();
      return taken;
    }
  }
}

Result<void> Ledger::Impl::together(const AuditDraft* draft, const std::function<Result<void>()>& work) {
  auto tx = Transaction::begin(*db);
  if (!tx) return fail(std::move(tx).error(), "ledger");
  const auto undone = [this](Error error, const char* where) {
    // Messages that it superseded wait again.
    outbox_bytes_bound.reset();
    return fail(std::move(error), where);
  };
  if (auto done = work(); !done) return undone(std::move(done).error(), "ledger");
  if (draft != nullptr)
    if (auto entry = append_audit(*draft); !entry) return undone(std::move(entry).error(), "ledger audit");
  if (auto done = tx->commit(); !done) return undone(std::move(done).error(), "ledger");
  return {};
}

Result<void> Ledger::Impl::set_meta(std::string_view key, std::string_view value) {
  auto put = db->cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)");
  if (!put) return fail(std::move(put).error());
  return (*put)->bind(1, key).bind(2, value).run();
}

Result<std::optional<std::string>> Ledger::Impl::get_meta(std::string_view key) {
  auto get = db->cached("SELECT value FROM meta WHERE key=?1");
  if (!get) return fail(std::move(get).error());
  std::optional<std::string> value;
  PGTEND_STORE_TRY(each_row((*get)->bind(1, key), [&](Statement& row) -> Result<void> {
    value = row.text(0);
    return {};
  }));
  return value;
}

Result<std::string> Ledger::Impl::whole_id(const char* table, std::string_view prefix) {
  if (prefix.empty()) return fail(Errc::not_found, "an empty id names nothing");
  auto find = db->prepare("SELECT id FROM " + std::string(table) +
                          " WHERE id=?1 OR substr(id, 1, length(?1))=?1 ORDER BY id<>?1, id LIMIT 2");
  if (!find) return fail(std::move(find).error());
  std::vector<std::string> found;
  PGTEND_STORE_TRY(each_row(find->bind(1, prefix), [&](Statement& row) -> Result<void> {
    found.push_back(row.text(0));
    return {};
  }));
  if (found.empty()) return fail(Errc::not_found, "no id starts with \"" + std::string(prefix) + "\"");
  if (found.size() > 1 && found.front() != prefix)
    return fail(Errc::conflict, "more than one id starts with \"" + std::string(prefix) + "\"; give more of it");
  return found.front();
}

Result<std::optional<std::string>> Ledger::get_meta(const std::string& key) {
  return impl_->get_meta("kv." + key);
}

Result<void> Ledger::set_meta(const std::string& key, const std::string& value) {
  return set_meta(key, value, {});
}

Result<void> Ledger::set_meta(const std::string& key, const std::string& value, const std::vector<AuditDraft>& drafts) {
  return impl_->together(nullptr, [&]() -> Result<void> {
    for (const auto& draft : drafts)
      if (auto entry = impl_->append_audit(draft); !entry) return fail(std::move(entry).error());
    return impl_->set_meta("kv." + key, value);
  });
}

Result<std::map<std::string, std::string>> Ledger::list_meta(const std::string& prefix) {
  auto list = impl_->db->cached("SELECT substr(key, 4), value FROM meta WHERE substr(key, 1, length(?1))=?1");
  if (!list) return fail(std::move(list).error(), "ledger");
  std::map<std::string, std::string> out;
  PGTEND_STORE_TRY(each_row((*list)->bind(1, "kv." + prefix), [&](Statement& row) -> Result<void> {
    out.emplace(row.text(0), row.text(1));
    return {};
  }));
  return out;
}

Result<void> Ledger::set_freeze(bool frozen, const std::string& actor, const std::string& reason) {
  auto now = freeze_state();
  if (!now) return fail(std::move(now).error());
  const AuditDraft draft{actor,
                         frozen ? "freeze.on" : "freeze.off",
                         "freeze",
                         now->frozen ? "on" : "off",
                         frozen ? "on" : "off",
                         reason.empty() ? "ok" : "ok: " + reason};
  return impl_->together(&draft, [&]() -> Result<void> {
    PGTEND_STORE_TRY(impl_->set_meta("freeze.on", frozen ? "1" : "0"));
    PGTEND_STORE_TRY(impl_->set_meta("freeze.by", actor));
    PGTEND_STORE_TRY(impl_->set_meta("freeze.reason", reason));
    return impl_->set_meta("freeze.since", std::to_string(to_ms(impl_->clock.now())));
  });
}

Result<FreezeState> Ledger::freeze_state() {
  std::map<std::string, std::string> all;
  for (const auto* key : {"freeze.on", "freeze.by", "freeze.reason", "freeze.since"}) {
    auto value = impl_->get_meta(key);
    if (!value) return fail(std::move(value).error(), "ledger");
    if (*value) all[key] = **value;
  }
  FreezeState state;
  if (all["freeze.on"] != "1") return state;
  state.frozen = true;
  state.by = all["freeze.by"];
  state.reason = all["freeze.reason"];
  state.since = from_ms(std::stoll("0" + all["freeze.since"]));
  return state;
}

}  // namespace pgtend::store
