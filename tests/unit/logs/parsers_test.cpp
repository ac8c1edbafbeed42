// What no server should write and a disk may hold all the same.
#include "collectors/logs/entry.hpp"
#include "collectors/logs/line_prefix.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::logs;

namespace {

const std::string kTime = "2026-11-27 14:04:23.503 UTC";

std::string csv_line(const std::string& message, const std::string& severity = "LOG", const std::string& query = "") {
  return kTime + ",\"u\",\"d\",17,\"[local]\",6b.1,1,\"SELECT\"," + kTime + ",3/4,0," + severity + ",00000,\"" +
         message + "\",,,,,,\"" + query + "\",,,\"psql\",\"client backend\",,77\n";
}

std::string json_line(const std::string& message) {
  return "{\"timestamp\":\"" + kTime +
         "\",\"pid\":17,\"error_severity\":\"ERROR\",\"state_code\":\"22012\",\"message\":\"" + message +
         "\",\"statement\":\"select 'secret'\",\"query_id\":-5}\n";
}

struct Reader {
  explicit Reader(LogFormat format, const std::string& prefix = "%m [%p] ")
      : parser(make_parser(format, prefix, [this](const LogEntry& entry) { entries.push_back(entry); })) {}
  std::vector<LogEntry> entries;
  std::unique_ptr<LogParser> parser;
};

struct Head {
  std::string word, sqlstate, query_id, rest;
};

Head head(const std::string& prefix, const std::string& line) {
  const auto found = LinePrefix(prefix).match(line);
  REQUIRE(found);
  return {std::string(found->word), std::string(found->sqlstate), std::string(found->query_id),
          std::string(found->rest)};
}

}  // namespace

TEST_CASE("csv: quotes, line breaks and commas within fields") {
  Reader reader(LogFormat::csv);
  reader.parser->feed(csv_line("a \"\"b\"\", c\n\td", "ERROR", "select '\n" + kTime + ",x'"));
  reader.parser->feed(csv_line("next"));
  REQUIRE(reader.entries.size() == 2);
  CHECK(reader.entries[0].message == "a \"b\", c\n\td");
  CHECK(reader.entries[0].severity == LogSeverity::error);
  CHECK(reader.entries[0].query_id == "77");
  CHECK(reader.entries[1].message == "next");
  CHECK(reader.parser->unreadable() == 0);
}

TEST_CASE("csv: begun in the middle of an entry it finds the next one and counts nothing") {
  Reader reader(LogFormat::csv);
  reader.parser->jump(false);
  reader.parser->feed("rest of a text\", \"more\nand more\"\",\n" + csv_line("whole"));
  REQUIRE(reader.entries.size() == 1);
  CHECK(reader.entries[0].message == "whole");
  CHECK(reader.parser->unreadable() == 0);
}

TEST_CASE("csv: a lost quote costs the entries around it and is counted once") {
  Reader reader(LogFormat::csv);
  std::string text = csv_line("first");
  text += kTime + ",\"u\",\"d\",17,\"lost quote\n";
  for (int i = 0; i < 4'000; ++i) text += csv_line("entry " + std::to_string(i));
  reader.parser->feed(text);
  CHECK(reader.entries.size() > 1'000);
  CHECK(reader.entries.back().message == "entry 3999");
  CHECK(reader.parser->unreadable() >= 1);
  CHECK(reader.parser->unreadable() <= 2);
}

TEST_CASE("an entry of any length is bounded, and the next one is whole") {
  const std::string huge(8 << 20, 'x');
  Reader csv(LogFormat::csv), json(LogFormat::json), text(LogFormat::text);
  csv.parser->feed(csv_line(huge, "LOG", huge) + csv_line("next"));
  json.parser->feed(json_line(huge) + json_line("next"));
  text.parser->feed(kTime + " [17] LOG:  " + huge + "\n\t" + huge + "\n" + kTime + " [17] LOG:  next\n");
  text.parser->pause();
  for (auto* reader : {&csv, &json, &text}) {
    REQUIRE(reader->entries.size() == 2);
    CHECK(reader->entries[0].message.size() <= kMostMessage);
    CHECK(reader->entries[0].message.size() > kMostMessage / 2);
    CHECK(reader->entries[1].message == "next");
  }
  CHECK(csv.entries[0].query_id == "77");
}

TEST_CASE("NUL bytes that a crash left are passed over") {
  const std::string nuls(5'000, '\0');
  Reader csv(LogFormat::csv), json(LogFormat::json), text(LogFormat::text);
  csv.parser->feed(csv_line("one") + nuls + csv_line("two"));
  json.parser->feed(json_line("one") + nuls + json_line("two"));
  text.parser->feed(kTime + " [17] LOG:  one\n" + nuls + kTime + " [17] LOG:  two\n");
  text.parser->pause();
  for (auto* reader : {&csv, &json, &text}) {
    REQUIRE(reader->entries.size() == 2);
    CHECK(reader->entries[1].message == "two");
    CHECK(reader->parser->unreadable() == 0);
  }
}

TEST_CASE("json: escapes, and lines that are none") {
  Reader reader(LogFormat::json);
  reader.parser->feed(json_line("a \\\"b\\\"\\n\\tc\\u0001d \\\\"));
  reader.parser->feed("garbage\n{\"half\":\"\n{\"nested\":{\"a\":1}}\n");
  reader.parser->feed(json_line("next"));
  REQUIRE(reader.entries.size() == 2);
  CHECK(reader.entries[0].message == "a \"b\"\n\tc d \\");
  CHECK(reader.entries[0].sqlstate == "22012");
  CHECK(reader.entries[0].query_id == "-5");
  CHECK(reader.entries[1].message == "next");
  CHECK(reader.parser->unreadable() == 1);
}

TEST_CASE(
    "text: lines with a tab belong to the entry, DETAIL and STATEMENT are left out, what others print is counted") {
  Reader reader(LogFormat::text);
  reader.parser->feed(kTime + " [17] LOG:  one\n\ttwo\n" + kTime + " [17] DETAIL:  d\n\td2\n" + kTime +
                      " [17] STATEMENT:  select 'secret'\n\tfrom t\ncp: cannot stat 'x'\ncp: again\n" + kTime +
                      " [17] ERROR:  three\n");
  CHECK(reader.entries.size() == 1);
  reader.parser->pause();
  REQUIRE(reader.entries.size() == 2);
  CHECK(reader.entries[0].message == "one\ntwo");
  CHECK(reader.entries[1].message == "three");
  CHECK(reader.parser->unreadable() == 1);
}

TEST_CASE("text: a half-written line is no entry until its end comes") {
  Reader reader(LogFormat::text);
  reader.parser->feed(kTime + " [17] LOG:  caf\xC3");
  reader.parser->pause();
  CHECK(reader.entries.empty());
  reader.parser->feed("\xA9\n");
  reader.parser->pause();
  REQUIRE(reader.entries.size() == 1);
  CHECK(reader.entries[0].message == "caf\xC3\xA9");
}

TEST_CASE("prefixes: Debian's, a cloud's, padding, none") {
  CHECK(head("%m [%p] %q%u@%d ", kTime + " [17] me@shop ERROR:  x").word == "ERROR");
  CHECK(head("%m [%p] %q%u@%d ", kTime + " [17] LOG:  x").rest == "x");
  CHECK(head("%t:%r:%u@%d:[%p]: ", "2026-11-27 14:04:23 UTC:10.0.0.1(5012):me@shop:[17]: FATAL:  x").word == "FATAL");
  CHECK(head("%m [%-8p] [%5l] ", kTime + " [17      ] [    3] LOG:  x").word == "LOG");
  CHECK(head("", "LOG:  x").rest == "x");
  CHECK(head("100%% %e %Q|", "100% 40P01 -12|ERROR:  deadlock detected").sqlstate == "40P01");
  CHECK(head("%e %Q|", "40P01 -12|ERROR:  x").query_id == "-12");
  CHECK(head("%c %l %s %v %x ", "6b098dd7.41a5 2 2026-11-27 14:04:07 UTC 3/12 0 LOG:  x").word == "LOG");
}

TEST_CASE("prefixes: what users choose may look like the prefix, and another prefix is survived") {
  const auto odd = head("%m [%p] %a %u@%d %e ", kTime + " [17] my [app] a@b c 22012 me@shop 42P01 ERROR:  x");
  CHECK(odd.sqlstate == "42P01");
  CHECK(head("%m %e ", kTime + " [17] ERROR:  changed").word == "ERROR");
  CHECK(head("%m %e ", kTime + " [17] ERROR:  changed").sqlstate.empty());
  CHECK_FALSE(LinePrefix("%m [%p] ").match("cp: cannot stat 'x'"));
  CHECK_FALSE(LinePrefix("%a%u%d%h").match(std::string(100'000, 'a')));
}
