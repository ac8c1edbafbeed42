#include "agent/engine/backups.hpp"

#include <map>

#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"

using namespace pgtend;

namespace {

std::map<std::string, double> values(const std::vector<SeriesSample>& samples) {
  std::map<std::string, double> out;
  for (const auto& sample : samples) CHECK(out.emplace(to_string(*sample.key), sample.value).second);
  return out;
}

// As 2.45 prints them: a differential backup with errors after a full one without.
constexpr auto kInfo = R"([{"backup":[
  {"error":false,"info":{"delta":100,"repository":{"delta":30,"size":30},"size":100},"label":"20260101-010000F",
   "timestamp":{"start":1000,"stop":1060},"type":"full"},
  {"error":true,"info":{"delta":50,"repository":{"delta":9,"size":39},"size":110},"label":"20260101-010000F_20260102-010000D",
   "timestamp":{"start":2000,"stop":2005},"type":"diff"}],
  "name":"main","status":{"code":0,"message":"ok"}},
 {"backup":[],"name":"other","status":{"code":2,"message":"no valid backups"}}])";

}  // namespace

TEST_CASE("a backup counts for every type that it is at least, unless it has errors") {
  const auto samples = engine::backup_samples(kInfo, from_ms(5'000));
  REQUIRE(samples);
  const auto now = values(*samples);
  CHECK(now.at("pgtend_backup_info_time_seconds") == 5);
  for (const auto* type : {"full", "diff", "incr"})
    CHECK(now.at("pgtend_backup_last_time_seconds{stanza=\"main\",type=\"" + std::string(type) + "\"}") == 1060);
  CHECK(now.at(R"(pgtend_backup_count{stanza="main",type="diff"})") == 1);
  CHECK(now.at(R"(pgtend_backup_count{stanza="main",type="incr"})") == 0);
  CHECK(now.at(R"(pgtend_backup_last_duration_seconds{stanza="main"})") == 5);
  CHECK(now.at(R"(pgtend_backup_last_size_bytes{stanza="main"})") == 110);
  CHECK(now.at(R"(pgtend_backup_last_repository_bytes{stanza="main"})") == 9);
  CHECK(now.at(R"(pgtend_backup_last_damaged{stanza="main"})") == 1);
  CHECK(now.at(R"(pgtend_backup_stanza_ok{stanza="main"})") == 1);
  CHECK(now.at(R"(pgtend_backup_stanza_ok{stanza="other"})") == 0);
  CHECK_FALSE(now.contains(R"(pgtend_backup_last_time_seconds{stanza="other",type="incr"})"));
}

TEST_CASE("every sample of backups has a definition") {
  std::map<std::string, int> known;
  for (const auto& metric : engine::backup_metrics()) known[metric.name] = 0;
  const auto samples = engine::backup_samples(kInfo, from_ms(0));
  REQUIRE(samples);
  for (const auto& sample : *samples) {
    INFO(sample.key->name);
    REQUIRE(known.contains(sample.key->name));
    ++known[sample.key->name];
  }
  for (const auto& [name, times] : known) CHECK(times > 0);
}

TEST_CASE("what is no answer of pgbackrest is an error, never a wrong number") {
  for (const auto* wrong : {"", "no stanzas", "{}", "[1]", "[{}]", "[{\"name\": 3}]", "[[]]"}) {
    CAPTURE(wrong);
    const auto samples = engine::backup_samples(wrong, from_ms(0));
    REQUIRE_FALSE(samples);
    CHECK(samples.error().code == Errc::parse);
  }
  // Fields of other types are as if they were not there.
  const auto odd = engine::backup_samples(
      R"([{"name":"a","status":[],"backup":[3,{"type":7,"timestamp":null,"info":"x","error":"no"}]}])", from_ms(0));
  REQUIRE(odd);
  CHECK(values(*odd).at(R"(pgtend_backup_count{stanza="a",type="full"})") == 0);
  const auto away = engine::read_backups("/nowhere/info.json");
  REQUIRE_FALSE(away);
  CHECK(away.error().retryable);
  CHECK(away.error().message.find("pgbackrest info --output=json") != std::string::npos);
}
