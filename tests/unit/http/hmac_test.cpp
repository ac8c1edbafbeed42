#include "agent/http/hmac.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;

TEST_CASE("HMAC-SHA256 is RFC 4231's") {
  CHECK(http::hmac_sha256_hex("Jefe", "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
