#include "agent/model/mailbox.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;

namespace {

using Mailboxes = std::vector<Mailbox>;

std::string refusal(std::string_view text) {
  const auto mailboxes = parse_mailboxes(text);
  return mailboxes ? "taken" : mailboxes.error().message;
}

}  // namespace

TEST_CASE("addresses of a mail are read as its header has them") {
  CHECK(*parse_mailboxes("dba@example.org") == Mailboxes{{"", "dba@example.org"}});
  CHECK(*parse_mailboxes("pgtend <pg@example.org>") == Mailboxes{{"pgtend", "pg@example.org"}});
  CHECK(*parse_mailboxes(R"( "Zoe, \"the\" DBA" <a@x>, b@y ,)") == Mailboxes{{"Zoe, \"the\" DBA", "a@x"}, {"", "b@y"}});
  CHECK(*parse_mailboxes("John Q. Public <j.q+pg@x.org>,<root@localhost>") ==
        Mailboxes{{"John Q. Public", "j.q+pg@x.org"}, {"", "root@localhost"}});
  CHECK(*parse_mailboxes("Zoë Müller <z@x.org>") == Mailboxes{{"Zoë Müller", "z@x.org"}});
  CHECK(*parse_mailboxes("z@x.org (Zoe)") == Mailboxes{{"Zoe", "z@x.org"}});
  CHECK(*parse_mailboxes(R"("a,b"@[127.0.0.1])") == Mailboxes{{"", R"("a,b"@[127.0.0.1])"}});
}

TEST_CASE("what is no list of mail addresses is refused with its place") {
  CHECK(refusal("").find("there is no mail address") == 0);
  CHECK(refusal(" , ").find("there is no mail address") == 0);
  CHECK(refusal("not an address").find("this is no mail address") == 0);
  CHECK(refusal("a@x b@y") == "a comma is missing between two mail addresses (at character 5)");
  CHECK(refusal("a b@x") == "the part before the @ is no mail name (at character 4)");
  CHECK(refusal(".a@x").find("the part before the @") == 0);
  CHECK(refusal("a@").find("a host is missing") == 0);
  CHECK(refusal("a@x..y").find("a host is missing") == 0);
  CHECK(refusal("a@[1.2.3.4").find("the closing ] is missing") == 0);
  CHECK(refusal("A <a@x").find("the closing > is missing") == 0);
  CHECK(refusal("\"A <a@x>").find("the closing \" is missing") == 0);
  CHECK(refusal("A <a>").find("between < and > stands one mail address") == 0);
  CHECK(refusal("team: a@x, b@y;").find("a group of addresses is not taken") == 0);
  CHECK(refusal("zoë@x.org").find("a mail address has ASCII letters only") == 0);
  CHECK(refusal("\"a\r\nBcc: b@y\" <a@x>").find("a control character") == 0);
  CHECK(refusal("{{ .CommonLabels.mail }}").find("this is no mail address") == 0);
  CHECK(refusal("a@" + std::string(255, 'x')).find("at most 254 bytes") != std::string::npos);
  std::string many;
  for (std::size_t i = 0; i <= kMostMailboxes; ++i) many += "a@x,";
  CHECK(refusal(many).find("more than 50 mail addresses") == 0);
  CHECK(parse_mailboxes(many.substr(4)));
}
