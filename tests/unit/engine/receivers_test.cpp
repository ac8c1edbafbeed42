#include "agent/engine/receivers.hpp"

#include "agent/engine/pace.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::engine;

namespace {

// The most messages within one window when as many leave as may, looked at every 10 ms for ten windows.
std::size_t most_within(const std::string& kind, Millis window) {
  Pace pace(alerts::send_rate(kind));
  const Deadline begin = Deadline{} + Millis(1'000);
  std::vector<Deadline> sent;
  std::size_t most = 0;
  for (Deadline now = begin; now < begin + 10 * window; now += Millis(10)) {
    for (int free = pace.allowed(now, 1'000); free > 0; --free) {
      pace.take(now);
      sent.push_back(now);
    }
    std::size_t within = 0;
    for (const auto at : sent)
      if (now - at < window) ++within;
    most = std::max(most, within);
  }
  return most;
}

}  // namespace

TEST_CASE("what leaves at once and what leaves meanwhile stay within a receiver's bound") {
  CHECK(most_within("slack", Millis(1'000)) == 1);
  CHECK(most_within("teams", Millis(1'000)) <= 4);
  CHECK(most_within("telegram", Millis(60'000)) <= 20);
  CHECK(most_within("telegram", Millis(60'000)) >= 15);
  // Its burst comes back by one in five seconds at the server, too.
  CHECK(most_within("ntfy", Millis(5'000)) <= 60);
}

TEST_CASE("each address of a mail is a way of its own, and the mail names them all") {
  config::IntegrationConfig mail;
  mail.kind = "email";
  mail.from = "pgtend <pg@example.org>";
  mail.target = R"("Zoe, DBA" <nobody@example.org>, dba@example.org)";
  config::IntegrationConfig second = mail;
  second.target = "boss@example.org";
  config::AlertingConfig alerting;
  alerting.receivers = {{"team", {mail, second}}};
  const auto ways = integrations(alerting);
  REQUIRE(ways.size() == 3);
  CHECK((ways[0].id == "team/email/0" && ways[1].id == "team/email/0.2" && ways[2].id == "team/email/1"));
  CHECK(target_of(ways[0].config).address == "nobody@example.org");
  CHECK(target_of(ways[1].config).address == "dba@example.org");
  CHECK(target_of(ways[1].config).target == mail.target);
  CHECK(find_integration(alerting, "team/email/0.2")->config.address == "dba@example.org");
  CHECK(dispatch_rules(alerting).receivers.at("team").size() == 3);
}
