#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/engine/facts.hpp"
#include "agent/engine/what_if.hpp"
#include "agent/pg/connection.hpp"
#include "rules/advisors/missing_index.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/run_io.hpp"

// A real server with a database "shop" and the two readings that an advisor compares.
namespace pgtend::test {

class AdviceScene {
 public:
  // Connects as `user`, which is made a plain login role unless it is the superuser. HypoPG is Debian's alone: other
  // majors than 0 do without.
  explicit AdviceScene(const std::string& user = "postgres", int major = 0) : cluster_(options(major)) {
    cluster_.exec("postgres", "CREATE DATABASE shop");
    cluster_.exec("shop", "CREATE EXTENSION pg_stat_statements; CREATE SCHEMA sales");
    if (major == 0) cluster_.exec("shop", "CREATE EXTENSION hypopg");
    if (user != "postgres") cluster_.exec("shop", "CREATE ROLE " + user + " LOGIN");
    open(user);
  }

  ~AdviceScene() { connection_.reset(); }

  PgCluster& cluster() { return cluster_; }
  std::string exec(const std::string& sql) { return cluster_.exec("shop", sql); }

  // Runs a parametrised-looking statement many times on one session, so that it becomes one pg_stat_statements entry.
  void repeat(const std::string& sql, int times) {
    auto session = cluster_.session("shop");
    for (int i = 0; i < times; ++i) session.exec(sql);
  }

  // Statistics reach the shared counters when the sessions above have ended; the clock moves by an hour per reading.
  FactsPtr read(std::int64_t ram_bytes = 8LL << 30) {
    REQUIRE(eventually([&] {
      return exec(
                 "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> "
                 "pg_backend_pid()"
                 " AND pid <> " +
                 std::to_string(connection_->backend_pid())) == "0";
    }));
    const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    auto shape = world_.run(engine::fact_shape(connection_.get(), deadline));
    REQUIRE(shape);
    clock_.advance(Millis(3'600'000));
    auto facts =
        world_.run(engine::read_facts(connection_.get(), *shape, "main", "shop", clock_.now(), deadline, ram_bytes));
    REQUIRE(facts);
    return *facts;
  }

  std::vector<advisors::WhatIfAnswer> ask(const advisors::IndexQuestions& questions) {
    const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    auto answers = world_.run(engine::ask_what_if(connection_.get(), questions.questions, deadline));
    if (!answers) FAIL(answers.error().describe());
    return *answers;
  }

  Advice advise_index(const DatabaseFacts& before, const DatabaseFacts& now, const advisors::AdvisorOptions& options) {
    const auto questions = advisors::index_questions(before, now, options);
    const auto answers = questions.questions.empty() ? std::vector<advisors::WhatIfAnswer>{} : ask(questions);
    return advisors::missing_index(before, now, questions, answers, options);
  }

  pg::Connection& connection() { return *connection_; }
  IoWorld& world() { return world_; }

 private:
  static PgClusterOptions options(int major) {
    PgClusterOptions out{.major = major};
    out.settings = {{"shared_preload_libraries", "pg_stat_statements"},
                    {"fsync", "off"},
                    {"autovacuum", "off"},
                    {"listen_addresses", "127.0.0.1"}};
    return out;
  }

  void open(const std::string& user) {
    pg::ConnectSpec spec;
    spec.parameters = cluster_.parameters("shop", user);
    const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    auto connected = world_.run(pg::Connection::connect(spec, world_.blocking(), deadline));
    if (!connected) FAIL(connected.error().describe());
    connection_ = std::move(*connected);
  }

  PgCluster cluster_;
  IoWorld world_;
  FakeClock clock_;
  std::unique_ptr<pg::Connection> connection_;
};

}  // namespace pgtend::test
