#include "tests/e2e/daemon/rule_scene.hpp"

using namespace pgtend::test;

namespace {

// pgBackRest for one cluster, with a repository in a folder of its own.
class BackRest {
 public:
  explicit BackRest(PgCluster& cluster) {
    const auto folder = dir_.path().string();
    write_file(config(), "[global]\nrepo1-path=" + folder + "/repo\nlog-path=" + folder + "/log\nlock-path=" + folder +
                             "/lock\nspool-path=" + folder + "/spool\nlog-level-file=off\nlog-level-console=warn\n" +
                             "start-fast=y\n[main]\npg1-path=" + cluster.data_dir().string() +
                             "\npg1-port=" + std::to_string(cluster.port()) +
                             "\npg1-socket-path=" + cluster.socket_dir() + "\npg1-user=postgres\n");
    cluster.set("archive_mode", "on");
    cluster.set("archive_command", "pgbackrest --config=" + config() + " --stanza=main archive-push %p");
    cluster.restart();
    (*this)({"--stanza=main", "stanza-create"});
  }
  [[nodiscard]] std::string config() const { return (dir_.path() / "pgbackrest.conf").string(); }
  std::string operator()(std::vector<std::string> arguments) const {
    SpawnOptions options;
    options.as_postgres = true;
    std::vector<std::string> argv{"pgbackrest", "--config=" + config()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return must_run(argv, options);
  }

 private:
  TempDir dir_{"backrest"};
};

}  // namespace

TEST_CASE("what pgBackRest says of its backups becomes metrics, and a file that is missing is named") {
  PgCluster cluster;
  const BackRest backrest(cluster);
  Daemon daemon(cluster);
  const auto file = daemon.path("info.json").string();
  daemon.set("backup", "  pgbackrest_info: " + file + "\n");
  daemon.set("collection", "  intervals: {identity: 500ms, backups: 500ms}\n");
  daemon.start();
  const auto value = [&](const std::string& series) {
    const auto answer = daemon.query(series);
    return answer.empty() ? -1 : std::stod(answer[0]["value"][1].get<std::string>());
  };
  CHECK(eventually([&] {
    return daemon.cli({"status"}).output.find("pgbackrest info --output=json > " + file) != std::string::npos;
  }));

  write_file(file, backrest({"info", "--output=json"}));
  CHECK(eventually([&] { return value("pgtend_backup_stanza_ok") == 0; }));
  CHECK(value("pgtend_backup_last_time_seconds") == -1);

  const double before = std::stod(cluster.exec("postgres", "SELECT floor(extract(epoch FROM clock_timestamp()))"));
  backrest({"--stanza=main", "--type=full", "backup"});
  backrest({"--stanza=main", "--type=incr", "backup"});
  write_file(file, backrest({"info", "--output=json"}));
  CHECK(eventually([&] { return value("pgtend_backup_stanza_ok") == 1; }));
  CHECK(value("pgtend_backup_count{type=\"full\"}") == 1);
  CHECK(value("pgtend_backup_count{type=\"incr\"}") == 1);
  CHECK(value("pgtend_backup_last_time_seconds{type=\"full\"}") >= before);
  CHECK(value("pgtend_backup_last_time_seconds{type=\"incr\"}") >=
        value("pgtend_backup_last_time_seconds{type=\"full\"}"));
  CHECK(value("pgtend_backup_last_size_bytes") > 1e7);
  CHECK(value("pgtend_backup_last_damaged") == 0);
  CHECK(value("time() - pgtend_backup_info_time_seconds") < 60);
  CHECK(daemon.metrics().find("# HELP pgtend_backup_last_time_seconds End of the last sound backup") !=
        std::string::npos);
}

TEST_CASE("PgBackupBroken, PgBackupOld and PgBackupUnseen: a full backup of last week is none that is late") {
  RuleScene scene(std::make_unique<PgCluster>(), {"backups"}, "");
  const BackRest backrest(scene.cluster);
  const auto file = scene.daemon.path("info.json");
  scene.daemon.set("backup", "  pgbackrest_info: " + file.string() + "\n");
  write_file(file, backrest({"info", "--output=json"}));
  scene.daemon.start();
  scene.must_fire("PgBackupBroken");
  CHECK(scene.firing("PgBackupBroken").front()["stanza"] == "main");

  backrest({"--stanza=main", "--type=full", "backup"});
  backrest({"--stanza=main", "--type=incr", "backup"});
  const auto now = Json::parse(backrest({"info", "--output=json"}));
  // As days later: the two backups ended `full` and `incr` hours ago.
  const auto aged = [&](int full, int incr) {
    auto info = now;
    for (auto& backup : info[0]["backup"])
      for (const auto* moment : {"start", "stop"}) {
        auto& at = backup["timestamp"][moment];
        at = at.get<long>() - 3'600L * (backup["type"] == "full" ? full : incr);
      }
    return info;
  };
  write_file(file, aged(6 * 24, 20).dump());
  REQUIRE(eventually([&] { return scene.firing("PgBackupBroken").empty(); }, kSoon));
  scene.must_stay_quiet("PgBackupOld", "time() - pgtend_backup_last_time_seconds{type=\"full\"} > 5 * 86400");
  CHECK(scene.firing("PgBackupUnseen").empty());

  write_file(file, aged(6 * 24, 27).dump());
  scene.must_fire("PgBackupOld");
  const auto labels = scene.firing("PgBackupOld");
  REQUIRE(labels.size() == 1);
  CHECK(labels.front()["stanza"] == "main");
  CHECK(labels.front()["type"] == "incr");
  auto damaged = aged(6 * 24, 20);
  damaged[0]["backup"].back()["error"] = true;
  write_file(file, damaged.dump());
  scene.must_fire("PgBackupBroken");

  const auto written_hours_ago = [&](int hours) {
    write_file(file, aged(6 * 24, 20).dump());
    std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() - std::chrono::hours(hours));
  };
  written_hours_ago(1);
  scene.must_stay_quiet("PgBackupUnseen", "time() - pgtend_backup_info_time_seconds > 3000");
  written_hours_ago(3);
  scene.must_fire("PgBackupUnseen");
}
