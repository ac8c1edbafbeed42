// Every kind of receiver: its body as a golden file, and what its answers mean.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/http/hmac.hpp"
#include "alerts/notifiers/chat.hpp"
#include "alerts/notifiers/email.hpp"
#include "alerts/notifiers/pagerduty.hpp"
#include "alerts/notifiers/receiver.hpp"
#include "alerts/notifiers/webhook.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/process.hpp"
#include "tests/support/source_dir.hpp"
#include "tests/unit/alerts/told_alert.hpp"
#include "tests/unit/http/running_server.hpp"

using namespace pgtend;
using namespace pgtend::alerts;
using namespace pgtend::test;
using nlohmann::json;

namespace {

ReceiverTarget target(const std::string& kind) {
  ReceiverTarget out;
  out.kind = kind;
  if (kind == "slack") out.target = "#db";
  if (kind == "ntfy") out.target = "pgtend";
  if (kind == "telegram") {
    out.target = "-100123";
    out.thread_id = 7;
  }
  if (kind == "email") {
    out.from = "Postgres Wächter <pgtend@example.org>";
    out.target = R"("Zoe, DBA" <dba@example.org>, boss@example.org)";
    out.address = "dba@example.org";
  }
  return out;
}

std::string body_of(const std::string& kind, bool resolved) {
  const MessageContext context{"db-07", "https://pgtend.example.org/", kFired + std::chrono::minutes(6),
                               "https://grafana.example.org/g/"};
  return render(target(kind), notification(resolved), context, std::string(64, 'd'));
}

void check_golden(const std::string& name, std::string text) {
  if (name.find("email") == std::string::npos) text = json::parse(text).dump(2) + "\n";
  const auto path = std::string(source_dir()) + "/tests/golden/notifiers/" + name;
  if (std::getenv("PGTEND_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
  CHECK(read_file(path) == text);
}

TEST_CASE("a chat message that may have arrived before says so, and another one does not") {
  for (const std::string kind : {"slack", "ntfy", "telegram", "teams"}) {
    CAPTURE(kind);
    const auto body = body_of(kind, false);
    const auto marked = as_possible_repeat(kind, body);
    CHECK(marked.find("(possible repeat) [CRIT] db-07") != std::string::npos);
    CHECK(marked.size() == body.size() + std::string("(possible repeat) ").size());
    CHECK(as_possible_repeat(kind, "[1]") == "[1]");
    CHECK(as_possible_repeat(kind, "{") == "{");
  }
  const auto webhook = body_of("webhook", false);
  CHECK(as_possible_repeat("webhook", webhook) == webhook);
}

Change index_change(ChangeState state) {
  Change out;
  out.id = "7f3a2c1e-0000-4000-8000-000000000001";
  out.plan.action = ActionClass::create_index;
  out.plan.database = "orders";
  out.plan.object = "public.lines";
  out.plan.sql_up = {"CREATE INDEX CONCURRENTLY i ON public.lines (a) WHERE owner = 'alice'"};
  out.state = state;
  out.proposed_by = "missing_index";
  out.approved_by = "person:anna";
  out.applied_at = kFired - std::chrono::hours(1);
  out.updated_at = kFired;
  Verdict verdict;
  verdict.kind = state == ChangeState::kept ? VerdictKind::improved : VerdictKind::regressed;
  verdict.metric = "buffers per call";
  verdict.effect = state == ChangeState::kept ? -0.97 : 0.4;
  verdict.explanation = "buffers per call changed against the control group";
  out.verdict = verdict;
  return out;
}

// Answers as told and keeps what it got.
struct Answering {
  int status = 200;
  std::string body;
  std::vector<http::Request> got;

  http::Router router() {
    http::Router out;
    auto take = [this](http::Request request) -> net::Task<http::Response> { return answer(std::move(request)); };
    for (const auto* path : {"/hook", "/{bot}/sendMessage", "/", "/v2/enqueue", "/v2/change/enqueue"})
      out.add("POST", path, http::Right::none, take);
    return out;
  }
  net::Task<http::Response> answer(http::Request request) {
    got.push_back(std::move(request));
    http::Response response;
    response.status = status;
    response.body = body;
    co_return response;
  }
};

struct Tried {
  int attempts = 1;  // this one included
  std::string last_error;
};

Delivery send(const ReceiverTarget& to, const std::string& body, const std::string& kind = "firing",
              const Tried& tried = {}) {
  net::asio::thread_pool blocking(1);
  net::asio::io_context context(1);
  http::Client client(blocking.get_executor());
  FakeClock clock;
  OutboxMessage message;
  message.id = 9;
  message.dedup_key = "key";
  message.kind = kind;
  message.body = body;
  message.attempts = tried.attempts;
  message.last_error = tried.last_error;
  std::optional<Result<Delivery>> result;
  auto ended = [&result](std::exception_ptr failure, Result<Delivery> delivery) {
    REQUIRE_FALSE(failure);
    result.emplace(std::move(delivery));
  };
  net::asio::co_spawn(context, deliver(&client, blocking.get_executor(), &clock, to, message), ended);
  context.run();
  REQUIRE(result);
  REQUIRE(*result);
  return **result;
}

// A mail server with STARTTLS and AUTH that writes what it takes into files.
class MailServer {
 public:
  explicit MailServer(bool with_tls) : port_(free_port()) {
    const auto cert = (dir_.path() / "cert.pem").string(), key = (dir_.path() / "key.pem").string();
    must_run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
              "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"});
    SpawnOptions options;
    options.log = dir_.path() / "log";
    process_ = ChildProcess({"/usr/bin/python3", std::string(source_dir()) + "/tests/support/mail_server.py",
                             std::to_string(port_), dir_.path().string(), with_tls ? cert : "", with_tls ? key : ""},
                            options);
    REQUIRE(eventually([this] { return std::filesystem::exists(dir_.path() / "ready"); }, std::chrono::seconds(30)));
  }
  [[nodiscard]] ReceiverTarget target() const {
    auto out = ::target("email");
    out.url = "localhost:" + std::to_string(port_);
    out.ca_file = (dir_.path() / "cert.pem").string();
    out.username = "pgtend";
    out.secret = "s3cret";
    return out;
  }
  [[nodiscard]] std::string mail() const { return read_file(dir_.path() / "mail"); }
  [[nodiscard]] bool has_mail() const { return std::filesystem::exists(dir_.path() / "mail"); }

 private:
  TempDir dir_{"mail"};
  int port_;
  ChildProcess process_;
};

}  // namespace

TEST_CASE("each receiver's body is the one on file, firing and resolved") {
  for (const auto* kind : {"webhook", "pagerduty", "slack", "ntfy", "telegram", "teams", "email"}) {
    const std::string ending = std::string(kind) == "email" ? ".eml" : ".json";
    check_golden(std::string(kind) + "_firing" + ending, body_of(kind, false));
    check_golden(std::string(kind) + "_resolved" + ending, body_of(kind, true));
  }
}

TEST_CASE("a change that was kept or undone is a change event of PagerDuty, without its statements") {
  const MessageContext context{"db-07", "https://pgtend.example.org/", kFired};
  const auto kept = pagerduty_change_body(index_change(ChangeState::kept), context);
  check_golden("pagerduty_change_kept.json", kept);
  check_golden("pagerduty_change_undone.json", pagerduty_change_body(index_change(ChangeState::reverted), context));
  CHECK(kept.find("alice") == std::string::npos);

  Answering answering;
  answering.status = 202;
  RunningServer server(loopback(), answering.router());
  auto to = target("pagerduty");
  to.url = server.url("/v2/enqueue");
  to.secret = "0123456789abcdef0123456789abcdef";
  CHECK(send(to, kept, kChangeEvent).outcome == DeliveryOutcome::sent);
  CHECK(send(to, body_of("pagerduty", false)).outcome == DeliveryOutcome::sent);
  REQUIRE(answering.got.size() == 2);
  CHECK(answering.got[0].path == "/v2/change/enqueue");
  CHECK(json::parse(answering.got[0].body).at("routing_key") == to.secret);
  CHECK(answering.got[1].path == "/v2/enqueue");
}

TEST_CASE("a test opens an incident of a pager and ends it, and links to no alert") {
  const MessageContext context{"db-07", "https://pgtend.example.org", kFired, "https://grafana.example.org"};
  const auto event = [&](AlertState state) {
    return json::parse(
        pagerduty_body(test_notification("oncall", "oncall/pagerduty/0", state, kFired), context, "key"));
  };
  const auto begins = event(AlertState::firing), ends = event(AlertState::resolved);
  CHECK(begins.at("event_action") == "trigger");
  CHECK(ends.at("event_action") == "resolve");
  CHECK(begins.at("dedup_key") == ends.at("dedup_key"));
  CHECK(begins.at("/payload/summary"_json_pointer) == "[TEST] db-07: test message of pgtend, please ignore");
  CHECK(begins.dump().find("/v1/alerts/") == std::string::npos);
  const auto hook =
      webhook_body(test_notification("oncall", "oncall/webhook/0", AlertState::resolved, kFired), context.external_url);
  CHECK(json::parse(hook).at("/alerts/0/generatorURL"_json_pointer) == "");
}

TEST_CASE("a webhook is signed, a token of a bot is only in its address, a key of an event only in what is sent") {
  Answering sink;
  RunningServer server(loopback(), sink.router());
  auto hook = target("webhook");
  hook.url = server.url("/hook");
  hook.secret = "hmac";
  CHECK(send(hook, "{\"a\":1}").outcome == DeliveryOutcome::sent);
  CHECK(sink.got.at(0).headers.at("x-pgtend-signature") == "sha256=" + http::hmac_sha256_hex("hmac", "{\"a\":1}"));
  CHECK(sink.got.at(0).headers.at("idempotency-key") == "key-9");

  auto bot = target("telegram");
  bot.url = server.url("/");
  bot.secret = "123:abc";
  sink.body = "{\"ok\":true}";
  CHECK(send(bot, body_of("telegram", false)).outcome == DeliveryOutcome::sent);
  CHECK(sink.got.at(1).path == "/bot123:abc/sendMessage");
  CHECK(sink.got.at(1).body.find("123:abc") == std::string::npos);

  // Said to be a repeat only where the attempt before may have arrived.
  const auto title_after = [&](const Tried& tried) {
    send(bot, body_of("telegram", false), "firing", tried);
    return json::parse(sink.got.back().body).at("text").get<std::string>().substr(0, 17);
  };
  const std::string refused = "POST http://127.0.0.1:1: Couldn't connect to server (Connection refused)";
  CHECK(title_after({1, ""}) == "[CRIT] db-07 orde");
  CHECK(title_after({2, refused}) == "[CRIT] db-07 orde");
  CHECK(title_after({2, "the receiver answered 503"}) == "[CRIT] db-07 orde");
  CHECK(title_after({2, std::string("POST http://127.0.0.1:1: Timeout was reached") + http::kAfterSending}) ==
        "(possible repeat)");
  CHECK(title_after({2, ""}) == "(possible repeat)");
  sink.got.resize(2);

  auto pager = target("pagerduty");
  pager.url = server.url("/hook");
  pager.secret = "R0UTING";
  const auto kept = body_of("pagerduty", false);
  CHECK(kept.find("R0UTING") == std::string::npos);
  sink.status = 202;
  CHECK(send(pager, kept).outcome == DeliveryOutcome::sent);
  CHECK(json::parse(sink.got.at(2).body).at("routing_key") == "R0UTING");
}

TEST_CASE("mail goes through STARTTLS and AUTH, and 4yz is tried again, 5yz not") {
  const MailServer server(true);
  auto to = server.target();
  const auto text = body_of("email", false);
  const auto sent = send(to, text);
  INFO(sent.reason);
  REQUIRE(sent.outcome == DeliveryOutcome::sent);
  REQUIRE(eventually([&] { return server.has_mail(); }));
  const auto mail = server.mail();
  CHECK(mail.find("user=pgtend tls=True from=pgtend@example.org to=dba@example.org\n") == 0);
  CHECK(mail.find("From: =?utf-8?B?UG9zdGdyZXMgV8OkY2h0ZXI=?= <pgtend@example.org>\r\n") != std::string::npos);
  CHECK(mail.find("To: \"Zoe, DBA\" <dba@example.org>,\r\n <boss@example.org>\r\n") != std::string::npos);
  CHECK(mail.find("Message-ID: <" + std::string(64, 'd') + ".42@pgtend>") != std::string::npos);
  CHECK(mail.find("In-Reply-To: <" + std::string(64, 'd') + "@pgtend>") != std::string::npos);
  to.secret = "wrong";
  CHECK(send(to, text).outcome == DeliveryOutcome::dead);
  to.secret = "s3cret";
  to.address = "busy@example.org";
  CHECK(send(to, text).outcome == DeliveryOutcome::retry);
  to.address = "nobody@example.org";
  CHECK(send(to, text).outcome == DeliveryOutcome::dead);
  to.ca_file = "/etc/ssl/certs/ca-certificates.crt";
  to.address = "dba@example.org";
  const auto untrusted = send(to, text);
  CHECK(untrusted.outcome == DeliveryOutcome::retry);
  CHECK(untrusted.reason.find("s3cret") == std::string::npos);
}

TEST_CASE("a mail server without STARTTLS gets nothing when STARTTLS is asked for") {
  const MailServer server(false);
  CHECK(send(server.target(), body_of("email", true)).outcome != DeliveryOutcome::sent);
  CHECK_FALSE(server.has_mail());
}
