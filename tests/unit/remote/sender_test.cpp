#include "agent/remote/sender.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <map>

#include "rules/promql/memory_history.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/unit/http/running_server.hpp"
#include "tests/unit/remote/decoded_request.hpp"

using namespace pgtend;
using namespace pgtend::remote;
using namespace pgtend::test;

namespace {

constexpr const char* kToken = "let-me-in";

// A receiver that answers as it is told (204 when it is told nothing) and keeps what it took.
struct Receiver {
  std::deque<int> answers;
  std::vector<http::Request> got;
  std::map<std::string, std::map<std::int64_t, int>> taken;  // series, time: how often
  std::vector<DecodedMetric> described;
  bool closes = false;      // says with every answer that it ends the connection
  int refuse_metadata = 0;  // status for requests with nothing else; 0: they are taken

  http::Router router() {
    http::Router out;
    out.add("POST", "/api/v1/write", http::Right::viewer,
            [this](http::Request request) -> net::Task<http::Response> { return answer(std::move(request)); });
    return out;
  }
  net::Task<http::Response> answer(http::Request request) {
    http::Response response;
    response.status = 204;
    std::vector<DecodedMetric> metrics;
    if (decode_request(request.body, &metrics).empty()) {
      if (refuse_metadata != 0) response.status = refuse_metadata;
      described.insert(described.end(), metrics.begin(), metrics.end());
      co_return response;
    }
    if (!answers.empty()) {
      response.status = answers.front();
      answers.pop_front();
    }
    if (closes) response.headers.emplace_back("Connection", "close");
    if (response.status == 204)
      for (const auto& series : decode_request(request.body))
        for (const auto& sample : series.samples) ++taken[series.labels.at(0).second][sample.first];
    got.push_back(std::move(request));
    co_return response;
  }
};

http::AuthOptions one_token() {
  http::AuthOptions options;
  options.tokens.push_back({"remote", http::sha256_hex(kToken), http::Right::viewer});
  return options;
}

class SharedHistory final : public HistoryReader {
 public:
  explicit SharedHistory(promql::MemoryHistory& history) : history_(history) {}
  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max_samples) override {
    return history_.select(matchers, range, max_samples);
  }
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override {
    return history_.series(matchers, range);
  }
  Result<std::vector<ResetEvent>> resets(TimeRange range) override { return history_.resets(range); }
  Result<std::vector<Gap>> gaps(TimeRange range) override { return history_.gaps(range); }

 private:
  promql::MemoryHistory& history_;
};

struct Rig {
  Receiver receiver;
  std::unique_ptr<RunningServer> server = std::make_unique<RunningServer>(loopback(), receiver.router(), one_token());
  FakeClock clock;
  promql::MemoryHistory history;
  std::optional<Cursor> kept;
  std::vector<MetricDef> metrics;
  net::asio::thread_pool blocking{1};
  net::asio::io_context io{1};
  http::Client client{blocking.get_executor()};
  std::unique_ptr<Sender> sender;

  Rig() { restart(); }

  void restart(Millis backfill = Millis(0)) {
    Target target;
    target.name = "there";
    target.url = server->url("/api/v1/write");
    target.bearer_token = kToken;
    target.headers = {{"X-Scope-OrgID", "shop"}};
    target.timeout = Millis(5'000);
    target.backfill = backfill;
    Doors doors;
    doors.blocking = blocking.get_executor();
    doors.open_reader = [this]() -> Result<std::unique_ptr<HistoryReader>> {
      return std::unique_ptr<HistoryReader>(std::make_unique<SharedHistory>(history));
    };
    doors.load = [this]() -> net::TaskResult<std::optional<Cursor>> { co_return kept; };
    doors.save = [this](Cursor cursor) -> net::TaskResult<bool> {
      kept = cursor;
      co_return true;
    };
    if (!metrics.empty()) doors.metrics = [this] { return metrics; };
    sender = std::make_unique<Sender>(target, doors, client, clock, 7);
  }

  void restart_receiver() {
    auto options = loopback();
    options.listen = "127.0.0.1:" + std::to_string(server->port());
    server.reset();
    server = std::make_unique<RunningServer>(options, receiver.router(), one_token());
    REQUIRE(server->started());
  }

  Millis step() {
    std::optional<Millis> wait;
    auto task = sender->step();
    net::asio::co_spawn(io, std::move(task), [&wait](const std::exception_ptr& thrown, Millis value) {
      REQUIRE_FALSE(thrown);
      wait = value;
    });
    io.restart();
    io.run();
    REQUIRE(wait);
    return *wait;
  }
  // Steps until there is nothing to send.
  void settle() {
    for (int i = 0; i < 10'000; ++i)
      if (step() == kPause) return;
    FAIL("the sender never came to rest");
  }
  void add(const std::string& name, std::int64_t second) {
    REQUIRE(history.add(SeriesKey{name, {}}, {{from_ms(to_ms(start) + 1'000 * second), double(second)}}));
  }
  // A sample of "a" each second; the sender gets a turn every `turn` seconds.
  void pass(int from, int to, int turn) {
    for (int second = from; second <= to; ++second) {
      add("a", second);
      clock.advance(Millis(1'000));
      if (second % turn == 0) settle();
    }
  }
  const UtcTime start = clock.now();
};

}  // namespace

TEST_CASE("every sample is sent once, and none before it can be complete") {
  Rig rig;
  rig.step();
  for (int s = 1; s <= 60; ++s) {
    rig.clock.advance(Millis(1'000));
    for (const auto* name : {"a", "b"}) rig.add(name, s);
    rig.settle();
  }
  REQUIRE(rig.receiver.taken["a"].size() == 45);
  CHECK(rig.receiver.taken["a"].rbegin()->first == to_ms(rig.clock.now() - Target().settle));
  rig.clock.advance(Target().settle);
  rig.settle();
  REQUIRE(rig.receiver.taken["a"].size() == 60);
  REQUIRE(rig.receiver.taken["b"].size() == 60);
  for (const auto& [name, times] : rig.receiver.taken)
    for (const auto& [at, often] : times) CHECK(often == 1);
  CHECK(rig.sender->counts().sent == 120);
  const auto& headers = rig.receiver.got.at(0).headers;
  CHECK(headers.at("content-encoding") == "snappy");
  CHECK(headers.at("x-scope-orgid") == "shop");
  CHECK(headers.at("content-type") == "application/x-protobuf");
  CHECK(headers.at("x-prometheus-remote-write-version") == "0.1.0");
}

TEST_CASE("what is known of the metrics is sent with the first samples and now and then, and holds up none") {
  Rig rig;
  rig.metrics = {{"a", MetricKind::counter, "seconds", "What a is.", "", ""}};
  rig.restart();
  rig.step();
  CHECK(rig.receiver.described.empty());
  const auto pass = [&rig](int from, int to) { rig.pass(from, to, 10); };
  pass(1, 60);
  CHECK(rig.receiver.described == std::vector<DecodedMetric>{{1, "a", "What a is.", "seconds"}});
  pass(61, 700);
  CHECK(rig.receiver.described.size() == 2);
  rig.receiver.refuse_metadata = 400;
  pass(701, 1'400);
  CHECK(rig.receiver.described.size() == 3);
  CHECK(rig.receiver.taken["a"].size() == 1'400 - 15);
  CHECK(rig.sender->counts().refused == 0);
  CHECK(rig.sender->counts().retries == 0);
}

TEST_CASE("an outage loses nothing, and the same request is repeated until it is answered") {
  Rig rig;
  rig.step();
  for (int s = 1; s <= 3'600; s += 10) rig.add("a", s);
  rig.clock.advance(Millis(3'600'000));
  rig.receiver.answers = {503, 401, 429, 500};
  Millis waited{0};
  while (rig.receiver.got.size() < 4) waited += rig.step();
  CHECK(waited > Millis(0));
  for (std::size_t i = 1; i < rig.receiver.got.size(); ++i) CHECK(rig.receiver.got[i].body == rig.receiver.got[0].body);
  CHECK(rig.sender->counts().retries == 4);
  rig.settle();
  CHECK(rig.receiver.taken["a"].size() == 359);
  CHECK(rig.sender->counts().refused == 0);
}

TEST_CASE("after a restart an open window is sent again, and a refusal then means that it had arrived") {
  Rig rig;
  rig.step();
  for (int s = 1; s <= 30; ++s) rig.add("a", s);
  rig.clock.advance(Millis(40'000));
  // The receiver takes it, and the agent dies before it hears so.
  while (rig.receiver.got.empty()) rig.step();
  REQUIRE(rig.kept);
  REQUIRE(rig.kept->sending > rig.kept->acknowledged);
  rig.restart();
  rig.receiver.answers = {400};
  while (rig.receiver.got.size() < 2) rig.step();
  CHECK(rig.receiver.got[1].body == rig.receiver.got[0].body);
  rig.clock.advance(Millis(10'000));
  rig.settle();
  CHECK(rig.sender->counts().refused == 0);
  CHECK(rig.sender->counts().repeated > 0);
  REQUIRE(rig.receiver.taken["a"].size() == 30);
  for (const auto& [at, often] : rig.receiver.taken["a"]) CHECK(often == 1);
}

TEST_CASE("a receiver that vanishes gets again what it may have forgotten, just as it was") {
  Rig rig;
  rig.step();
  const auto pass = [&rig](int from, int to) { rig.pass(from, to, 5); };
  pass(1, 40);
  const auto before = rig.receiver.got.size();
  REQUIRE(before >= 4);
  // It is killed with the last requests in its memory only.
  const auto forgotten = rig.receiver.taken["a"];
  rig.receiver.taken.clear();
  const auto port = rig.server->port();
  rig.server.reset();
  rig.add("a", 41);
  rig.clock.advance(Millis(6'000));
  rig.step();
  rig.step();
  CHECK(rig.sender->counts().retries > 0);
  auto options = loopback();
  options.listen = "127.0.0.1:" + std::to_string(port);
  rig.server = std::make_unique<RunningServer>(options, rig.receiver.router(), one_token());
  REQUIRE(rig.server->started());
  rig.settle();
  rig.clock.advance(Millis(20'000));
  rig.settle();
  // Everything of the last ten seconds, byte by byte; what is older stays acknowledged.
  std::size_t again = 0;
  for (std::size_t i = before; i < rig.receiver.got.size(); ++i)
    for (std::size_t k = 0; k < before; ++k) again += rig.receiver.got[i].body == rig.receiver.got[k].body ? 1 : 0;
  CHECK(again >= 2);
  CHECK(again < before);
  const auto last = forgotten.rbegin()->first;
  for (const auto& [at, often] : forgotten)
    if (at > last - 10'000) CHECK(rig.receiver.taken["a"].contains(at));
  for (const auto& [at, often] : rig.receiver.taken["a"]) CHECK(often == 1);
  CHECK(rig.receiver.taken["a"].rbegin()->first == to_ms(rig.start) + 41'000);
}

TEST_CASE("a receiver that was killed and is back before anybody asks gets again what it may have forgotten") {
  Rig rig;
  rig.step();
  const auto pass = [&rig](int from, int to) { rig.pass(from, to, 5); };
  pass(1, 40);
  const auto forgotten = rig.receiver.taken["a"];
  rig.receiver.taken.clear();
  rig.restart_receiver();
  pass(41, 60);
  REQUIRE(rig.sender->counts().retries > 0);
  const auto last = forgotten.rbegin()->first;
  for (const auto& [at, often] : forgotten)
    if (at > last - 10'000) CHECK(rig.receiver.taken["a"].contains(at));
  const auto requests = rig.receiver.got.size();
  // One that ends the connection after every second answer is not given everything over and over.
  for (int s = 61; s <= 100; ++s) {
    if (s % 10 == 0) rig.restart_receiver();
    pass(s, s);
  }
  CHECK(rig.receiver.got.size() - requests < 40);
  CHECK(rig.receiver.taken["a"].contains(to_ms(rig.start) + 85'000));
  // Nor is one that says that it ends the connection.
  const auto retries = rig.sender->counts().retries;
  rig.clock.advance(Millis(20'000));
  rig.receiver.closes = true;
  pass(101, 140);
  CHECK(rig.sender->counts().retries <= retries + 1);
}

TEST_CASE("what a receiver refuses is counted and does not hold up the rest") {
  Rig rig;
  rig.step();
  for (int s = 1; s <= 10; ++s) rig.add("a", s);
  rig.clock.advance(Millis(25'000));
  rig.receiver.answers = {400};
  rig.settle();
  CHECK(rig.sender->counts().refused == 10);
  rig.add("a", 26);
  rig.clock.advance(Millis(30'000));
  rig.settle();
  CHECK(rig.receiver.taken["a"].size() == 1);
}

TEST_CASE("a wall clock set back by a day does not stop the sending") {
  Rig rig;
  rig.add("a", 1);
  rig.clock.advance(Millis(20'000));
  rig.step();
  rig.settle();
  rig.clock.step(Millis(-86'400'000));
  rig.settle();
  CHECK(rig.sender->counts().clock_steps == 1);
  rig.history.clear();
  rig.add("b", 21 - 86'400);
  rig.clock.advance(Millis(30'000));
  rig.settle();
  CHECK(rig.receiver.taken["b"].size() == 1);
}

TEST_CASE("a new receiver gets as much of the past as it is configured to") {
  Rig rig;
  for (int s = 0; s < 7'200; s += 60) rig.add("a", s);
  rig.clock.advance(Millis(7'200'000));
  rig.restart(Millis(3'600'000));
  rig.settle();
  CHECK(rig.receiver.taken["a"].size() == 60);
}

TEST_CASE("a window with more samples than may be held is read in pieces") {
  Rig rig;
  rig.step();
  for (int series = 0; series < 3'000; ++series) {
    std::vector<Sample> samples;
    for (int s = 1; s <= 50; ++s) samples.push_back({rig.start + Millis(1'000 * s), 1});
    REQUIRE(rig.history.add(SeriesKey{"s" + std::to_string(series), {}}, samples));
  }
  rig.clock.advance(Millis(70'000));
  rig.settle();
  CHECK(rig.sender->counts().sent == 150'000);
  for (const auto& request : rig.receiver.got) {
    std::size_t samples = 0;
    for (const auto& series : decode_request(request.body)) samples += series.samples.size();
    CHECK(samples <= kRequestSamples + 50);
  }
}

TEST_CASE("a cursor is read as it was written, and nonsense is none") {
  const Cursor cursor{from_ms(-5), from_ms(1'700'000'000'123), {from_ms(-20), from_ms(-10), from_ms(-5)}};
  const auto read = parse_cursor(to_text(cursor));
  REQUIRE(read);
  CHECK(read->acknowledged == cursor.acknowledged);
  CHECK(read->sending == cursor.sending);
  CHECK(read->recent == cursor.recent);
  for (const auto* text : {"", "1", "1 x", "2 1", "1 2 3", " 1", "1  2", "5 6 5 4", "5 6 1 2"})
    CHECK_FALSE(parse_cursor(text));
}
