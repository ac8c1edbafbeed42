#include "tests/unit/store/ledger_support.hpp"

using namespace pgtend;
using namespace pgtend::test;
using store::KnownAnswer;

namespace {

KnownAnswer answer(const OpenLedger& ledger, const std::string& key, std::string body = "{}") {
  return {key, "hash", 201, std::move(body), "/v1/changes/1", ledger.clock.now() + Millis(3'600'000)};
}

}  // namespace

TEST_CASE("an answer is known after the file was opened anew, until its time ends") {
  TempDir dir;
  {
    OpenLedger ledger(dir.file("ledger.db"));
    REQUIRE(ledger->put_answer({"k1", "hash", std::nullopt, "", "", ledger.clock.now() + Millis(3'600'000)}));
    CHECK_FALSE((*ledger->known_answer("k1"))->status);
    REQUIRE(ledger->put_answer(answer(ledger, "k1", "{\"id\":1}")));
  }
  OpenLedger ledger(dir.file("ledger.db"));
  const auto known = ledger->known_answer("k1");
  REQUIRE(known);
  REQUIRE(*known);
  CHECK((*known)->status == 201);
  CHECK((*known)->body_hash == "hash");
  CHECK((*known)->body == "{\"id\":1}");
  CHECK((*known)->location == "/v1/changes/1");
  CHECK_FALSE(*ledger->known_answer("k2"));
  ledger.clock.advance(Millis(3'600'000));
  CHECK_FALSE(*ledger->known_answer("k1"));
}

TEST_CASE("a thousand answers and eight megabytes are kept, the newest ones, and a huge one only as begun") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  const auto kept = [&] { return RawDatabase(dir.file("ledger.db")).value("SELECT count(*) FROM answers"); };
  for (int i = 0; i < 40; ++i) {
    ledger.clock.advance(Millis(1));
    REQUIRE(ledger->put_answer(answer(ledger, "large" + std::to_string(i), std::string(250'000, 'x'))));
  }
  CHECK(kept() == "33");
  CHECK_FALSE(*ledger->known_answer("large6"));
  CHECK(*ledger->known_answer("large7"));
  ledger.clock.advance(Millis(1));
  REQUIRE(ledger->put_answer(answer(ledger, "huge", std::string(store::kLongestAnswer + 1, 'x'))));
  REQUIRE(*ledger->known_answer("huge"));
  CHECK_FALSE((*ledger->known_answer("huge"))->status);
  for (int i = 0; i < 1'000; ++i) {
    ledger.clock.advance(Millis(1));
    REQUIRE(ledger->put_answer(answer(ledger, "small" + std::to_string(i))));
  }
  CHECK(kept() == "1000");
  CHECK(*ledger->known_answer("small0"));
  REQUIRE(ledger->forget_answer("small0"));
  CHECK_FALSE(*ledger->known_answer("small0"));
}
