#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/change/migrate/runner.hpp"
#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"

namespace pgtend::test {

// A folder of migration files and a runner's session on an empty database "app".
class MigrationScene {
 public:
  explicit MigrationScene(int major = 0) : cluster_(shared_cluster(major)), dir_("migrations") {
    cluster_.exec("postgres", "DROP DATABASE IF EXISTS app WITH (FORCE)");
    cluster_.exec("postgres", "CREATE DATABASE app");
  }

  void put(const std::string& name, const std::string& text) { write_file(dir_.path() / name, text); }
  void remove(const std::string& name) { std::filesystem::remove(dir_.path() / name); }
  [[nodiscard]] std::string folder() const { return dir_.path().string(); }
  PgCluster& cluster() { return cluster_; }
  std::string value(const std::string& sql) { return cluster_.exec("app", sql); }
  void exec(const std::string& sql) { cluster_.exec("app", sql); }
  [[nodiscard]] std::vector<migrate::MigrationFile> files() const {
    auto read = migrate::read_folder(folder());
    INFO((read ? std::string() : read.error().message));
    REQUIRE(read);
    return std::move(*read);
  }

  migrate::Report up(migrate::UpOptions how = {}) {
    const auto read = files();
    return with_session([&](migrate::Session* session) { return migrate::up(session, &read, how); });
  }
  migrate::Report down(migrate::DownOptions how = {}) {
    const auto read = files();
    return with_session([&](migrate::Session* session) { return migrate::down(session, &read, how); });
  }
  migrate::Report baseline(std::uint64_t version) {
    const auto read = files();
    const auto noted = migrate::up_to(read, version);
    REQUIRE(noted);
    return with_session([&](migrate::Session* session) { return migrate::baseline(session, &*noted); });
  }
  // Applies everything and wants it to succeed; the ids.
  std::vector<std::string> applied() {
    const auto report = up();
    INFO((report.failure ? report.failure->describe() : std::string()));
    CHECK_FALSE(report.failure);
    std::vector<std::string> out;
    for (const auto& row : report.done) out.push_back(row.id);
    return out;
  }
  // The error of a run that must not succeed.
  static Error failure_of(const migrate::Report& report) {
    REQUIRE(report.failure);
    return *report.failure;
  }
  migrate::Log log() {
    migrate::Log out;
    with_session([&](migrate::Session* session) { return read(session, &out); });
    return out;
  }
  std::vector<std::string> drift() {
    const auto expected = migrate::expected_objects(log());
    REQUIRE(expected);
    migrate::Catalog now;
    with_session([&](migrate::Session* session) { return catalog(session, &now); });
    return migrate::object_drift(*expected, now);
  }

  change::PipelineOptions options;
  std::map<std::string, std::string> parameters;  // instead of the cluster's
  std::string frozen_by;
  int statements_until_freeze = -1;  // -1: none
  std::vector<std::string> intents;  // "up V0001"
  bool intents_are_kept = true;
  std::vector<std::string> told;

 private:
  static net::Task<migrate::Report> read(migrate::Session* session, migrate::Log* out) {
    const auto limit = session->in(migrate::kLook);
    auto log = co_await migrate::read_log(session->connection, session->set, limit);
    if (log) *out = std::move(*log);
    co_return migrate::Report();
  }
  static net::Task<migrate::Report> catalog(migrate::Session* session, migrate::Catalog* out) {
    const auto limit = session->in(migrate::kLook);
    auto now = co_await migrate::read_catalog(session->connection, limit);
    if (now) *out = std::move(*now);
    co_return migrate::Report();
  }
  template <class Job>
  migrate::Report with_session(const Job& job) {
    IoWorld world;
    pg::ConnectSpec spec;
    spec.parameters = parameters.empty() ? cluster_.parameters("app") : parameters;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    auto connection = world.run(pg::Connection::connect(spec, world.blocking(), limit));
    INFO((connection ? std::string() : connection.error().describe()));
    REQUIRE(connection);
    const SystemClock clock;
    migrate::Session session;
    session.connection = connection->get();
    session.options = options;
    session.clock = &clock;
    session.actor = "person:test";
    session.may_act = [this]() -> Result<void> {
      if (statements_until_freeze > 0 && --statements_until_freeze == 0) frozen_by = "bob";
      if (frozen_by.empty()) return {};
      return fail(Errc::refused, "changes are frozen by " + frozen_by);
    };
    session.blocking = world.blocking();
    session.intend = [this](const migrate::MigrationFile& file, migrate::Action action) -> Result<void> {
      if (!intents_are_kept) return fail(Errc::refused, "the ledger is full");
      intents.push_back(std::string(migrate::to_string(action)) + " " + file.id);
      return {};
    };
    session.tell = [this](const std::string& line) { told.push_back(line); };
    return world.run(job(&session));
  }

  PgCluster& cluster_;
  TempDir dir_;
};

}  // namespace pgtend::test
