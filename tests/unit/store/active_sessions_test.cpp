#include "agent/store/active_sessions.hpp"

#include "agent/store/session_rows.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::store;

namespace {

const UtcTime kThen = from_ms(1'700'000'000'000);

SessionTraits session(const std::string& wait, const std::string& user = "web", std::int64_t query = 0) {
  SessionTraits out;
  out.wait = wait;
  out.state = "active";
  out.database = "shop";
  out.user = user;
  out.application = "app";
  out.backend_type = "client backend";
  out.query_id = query;
  return out;
}

std::uint64_t seen(const SessionBucket& bucket) {
  std::uint64_t out = 0;
  for (const auto& group : bucket.groups) out += group.seen;
  return out;
}

SessionBucket bucket(UtcTime from, std::vector<SessionCount> groups, std::uint32_t samples = 10) {
  return {from, from + Millis(1'000) * samples, Millis(1'000), samples, std::move(groups)};
}

SessionQuestion question(std::vector<SessionTrait> by, Millis step = Millis(0)) {
  SessionQuestion out;
  out.range = {kThen, kThen + Millis(60'000)};
  out.by = std::move(by);
  out.step = step;
  return out;
}

}  // namespace

TEST_CASE("samples of equal sessions are counted together, and a look at nobody is a sample, too") {
  SessionTally tally(10);
  CHECK_FALSE(tally.take(Millis(1'000)));
  tally.add(kThen, {session("CPU"), session("CPU"), session("Lock:tuple")});
  tally.add(kThen + Millis(1'000), {});
  tally.add(kThen + Millis(2'000), {session("CPU")});
  const auto taken = tally.take(Millis(1'000));
  REQUIRE(taken);
  CHECK(taken->samples == 3);
  CHECK(taken->from == kThen);
  CHECK(taken->to == kThen + Millis(3'000));
  REQUIRE(taken->groups.size() == 2);
  CHECK(taken->groups[0] == SessionCount{session("CPU"), 3});
  CHECK(taken->groups[1] == SessionCount{session("Lock:tuple"), 1});
  CHECK_FALSE(tally.take(Millis(1'000)));
}

TEST_CASE("samples that lie farther apart speak for the time between them") {
  SessionTally tally(10);
  for (int i = 0; i < 3; ++i) tally.add(kThen + Millis(4'000 * i), {session("CPU")});
  CHECK(tally.take(Millis(1'000))->interval == Millis(4'000));
  // A pause of an hour is none of a sampler that is slow.
  for (int i = 0; i < 2; ++i) tally.add(kThen + Millis(3'600'000 * i), {});
  CHECK(tally.take(Millis(1'000))->interval == Millis(10'000));
}

TEST_CASE("a bucket keeps the largest groups and the waits of the rest, and loses no session") {
  SessionTally tally(10);
  for (int i = 0; i < 50; ++i) {
    std::vector<SessionTraits> sessions{session("Lock:tuple", "often", 7), session("Lock:tuple", "often", 7)};
    for (int user = 0; user < 200; ++user)
      sessions.push_back(session(user % 2 == 0 ? "CPU" : "IO:DataFileRead", "u" + std::to_string(user), user));
    tally.add(kThen + Millis(1'000 * i), sessions);
  }
  const auto taken = tally.take(Millis(1'000));
  REQUIRE(taken);
  CHECK(taken->groups.size() <= 10 + 2);
  CHECK(taken->groups[0] == SessionCount{session("Lock:tuple", "often", 7), 100});
  CHECK(seen(*taken) == 50 * 202);
  std::map<std::string, std::uint64_t> waits;
  for (const auto& group : taken->groups) waits[group.traits.wait] += group.seen;
  CHECK(waits == std::map<std::string, std::uint64_t>{{"CPU", 5'000}, {"IO:DataFileRead", 5'000}, {"Lock:tuple", 100}});
}

TEST_CASE("neither many groups nor many waits make a bucket longer than its bound") {
  SessionTally tally(10);
  for (int i = 0; i < 20; ++i) {
    std::vector<SessionTraits> sessions;
    for (int n = 0; n < 3'000; ++n) sessions.push_back(session("w" + std::to_string(n), "u" + std::to_string(i)));
    tally.add(kThen + Millis(1'000 * i), sessions);
  }
  const auto taken = tally.take(Millis(1'000));
  REQUIRE(taken);
  CHECK(taken->groups.size() <= 10 + 65);
  CHECK(seen(*taken) == 20 * 3'000);
}

TEST_CASE("what is read of a row is what was written into it") {
  SessionTraits waiter = session("Lock:transactionid", "web", -5'000'000'000'000'000'001);
  waiter.blocker = "pid 7 batch@shop (idle in transaction)";
  const auto one = bucket(kThen, {{waiter, 12}, {session("CPU", "", 9'223'372'036'854'775'807), 4'294'967'295U}});
  const auto data = encode_sessions(one);
  const auto read = decode_sessions(one.from, one.to, data);
  REQUIRE(read);
  CHECK(*read == one);
  const auto none = bucket(kThen, {});
  CHECK(*decode_sessions(none.from, none.to, encode_sessions(none)) == none);
}

TEST_CASE("a hundred groups of a row take few bytes") {
  std::vector<SessionCount> groups;
  for (int i = 0; i < 100; ++i)
    groups.push_back({session(i % 3 == 0 ? "CPU" : "LWLock:WALWrite", "web", 1'234'567'890'123'456'789 + i * 7'919'001),
                      static_cast<std::uint32_t>(i % 11 + 1)});
  CHECK(encode_sessions(bucket(kThen, groups)).size() < 2'000);
}

TEST_CASE("damaged bytes are an error and never more") {
  const auto whole = encode_sessions(bucket(kThen, {{session("CPU"), 3}, {session("IO:DataFileRead", "x", 5), 1}}));
  const auto read = [](std::string_view data) { return decode_sessions(kThen, kThen, data); };
  for (std::size_t length = 0; length < whole.size(); ++length) CHECK_FALSE(read(whole.substr(0, length)));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto bent = whole;
    for (int bit = 0; bit < 8; ++bit) {
      bent[at] = static_cast<char>(static_cast<unsigned char>(whole[at]) ^ (1U << bit));
      // A flip may give another value; sanitizers watch that it gives nothing worse.
      (void)read(bent).has_value();
    }
  }
}

TEST_CASE("the average of a group is over the time that was sampled, not over the range") {
  SessionSummary summary(question({SessionTrait::wait}));
  summary.add(bucket(kThen, {{session("Lock:tuple", "a"), 15}, {session("Lock:tuple", "b"), 5}, {session("CPU"), 10}}));
  summary.add(bucket(kThen + Millis(30'000), {{session("CPU"), 10}}));
  summary.add(bucket(kThen + Millis(60'000), {{session("CPU"), 1'000}}));
  summary.add(bucket(kThen - Millis(10'000), {{session("CPU"), 1'000}}));
  const auto report = summary.finish();
  CHECK(report.sampled == Millis(20'000));
  CHECK(report.samples == 20);
  CHECK(report.average == 2);
  REQUIRE(report.rows.size() == 2);
  CHECK(report.rows[0].names == std::vector<std::string>{"CPU"});
  CHECK(report.rows[0].average == 1);
  CHECK(report.rows[0].share == 0.5);
  CHECK(report.rows[1].names == std::vector<std::string>{"Lock:tuple"});
}

TEST_CASE("sessions are told apart by several traits at once, and rows beyond the limit are one") {
  auto idle = session("Client:ClientRead", "batch");
  idle.state = "idle in transaction";
  auto asked = question({SessionTrait::user, SessionTrait::wait});
  asked.limit = 2;
  SessionSummary summary(asked);
  summary.add(bucket(kThen, {{session("CPU", "a", 1), 20},
                             {session("CPU", "a", 2), 10},
                             {session("CPU", "b"), 6},
                             {session("IO:WalSync", "a"), 4},
                             {idle, 8}}));
  const auto report = summary.finish();
  REQUIRE(report.rows.size() == 3);
  CHECK(report.rows[0].names == std::vector<std::string>{"a", "CPU"});
  CHECK(report.rows[0].average == 3);
  CHECK(report.rows[1].names == std::vector<std::string>{"batch", "Client:ClientRead"});
  CHECK(report.rows[2].names == std::vector<std::string>{"other", "other"});
  CHECK(report.rows[2].average == 1);
  CHECK(report.idle_in_transaction == 0.8);
}

TEST_CASE("a timeline has a value for each step and says which of them were sampled") {
  SessionSummary summary(question({SessionTrait::wait}, Millis(25'000)));
  summary.add(bucket(kThen + Millis(1'000), {{session("CPU"), 10}}));
  summary.add(bucket(kThen + Millis(51'000), {{session("CPU"), 40}}));
  const auto report = summary.finish();
  REQUIRE(report.rows.size() == 1);
  CHECK(report.rows[0].timeline == std::vector<double>{1, 0, 4});
  CHECK(report.sampled_steps == std::vector<Millis>{Millis(10'000), Millis(0), Millis(10'000)});
}

TEST_CASE("every trait has a name by which it is asked for") {
  for (const auto& name : session_trait_names()) {
    const auto trait = parse_session_trait(name);
    REQUIRE(trait);
    CHECK(to_string(*trait) == name);
  }
  CHECK_FALSE(parse_session_trait("pid"));
  CHECK(query_id_of("-42") == -42);
  CHECK_FALSE(query_id_of("other"));
  CHECK_FALSE(query_id_of("4x"));
}
