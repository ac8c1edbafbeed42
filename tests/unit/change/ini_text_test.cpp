#include "agent/change/kinds/ini_text.hpp"

#include <algorithm>
#include <random>

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::change;

namespace {

const std::string kName = "default_pool_size";

// Lines of comments, blanks, other settings and sections in any order, with or without the setting and a last break.
std::string random_ini(std::mt19937_64& random) {
  const auto pick = [&](int most) { return static_cast<int>(random() % static_cast<std::uint64_t>(most)); };
  const std::string end = pick(4) == 0 ? "\r\n" : "\n";
  std::vector<std::string> lines{"[pgbouncer]"};
  for (int i = pick(8); i > 0; --i) {
    const std::vector<std::string> some{"; a comment",        "",          "# default_pool_size = 3",
                                        "  listen_port=6432", "logfile =", "query_timeout = 5  "};
    lines.push_back(some[static_cast<std::size_t>(pick(4))]);
  }
  if (pick(2) == 0) lines.emplace_back(pick(2) == 0 ? "default_pool_size=20" : "\tDefault_Pool_Size  =  20 ");
  if (std::count(lines.begin(), lines.end(), "  listen_port=6432") > 1) lines = {"[pgbouncer]"};
  for (int i = pick(3); i > 0; --i) lines.emplace_back(pick(2) == 0 ? "" : "; below");
  if (pick(2) == 0) {
    lines.emplace_back("[databases]");
    lines.emplace_back("shop = host=db password=secret");
  }
  if (pick(2) == 0) lines.insert(lines.begin(), {"[databases]", "default_pool_size = no setting here", ""});
  std::string out;
  for (const auto& line : lines) out += line + end;
  if (pick(3) == 0) out.resize(out.size() - end.size());
  return out;
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("a setting is read and written in its own line, and the way back gives the very text") {
  const auto seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2'000; ++i) {
    const auto before = random_ini(random);
    CAPTURE(before);
    const auto settings = settings_of(before);
    REQUIRE(settings);
    const auto it = settings->find(kName);
    const auto previous = it == settings->end() ? std::nullopt : std::optional(it->second);
    const auto after = with_setting(before, kName, "40");
    REQUIRE(after);
    CHECK(settings_of(*after)->at(kName) == "40");
    CHECK(lines_of(*after) - lines_of(before) <= (previous ? 0u : 1u));
    auto others = *settings_of(*after);
    others.erase(kName);
    auto others_before = *settings;
    others_before.erase(kName);
    CHECK(others == others_before);
    const auto again = with_setting(*after, kName, previous);
    REQUIRE(again);
    CHECK(*again == before);
  }
}

TEST_CASE("a new setting goes behind the last one of its section") {
  const std::string ini = "[databases]\na = host=x\n[pgbouncer]\nlisten_port = 1\n; last\n\n[users]\n";
  CHECK(*with_setting(ini, kName, "40") ==
        "[databases]\na = host=x\n[pgbouncer]\nlisten_port = 1\ndefault_pool_size = 40\n; last\n\n[users]\n");
}

TEST_CASE("a file in which the setting may stand elsewhere or twice is left alone") {
  const auto included = settings_of("[pgbouncer]\na = 1\n%include /etc/pgbouncer/more.ini\n");
  REQUIRE_FALSE(included);
  CHECK(included.error().code == Errc::unsupported);
  CHECK_THAT(included.error().message, ContainsSubstring("%include"));
  const auto twice = with_setting("[pgbouncer]\na = 1\nA = 2\n", "a", "3");
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code == Errc::conflict);
  const auto none = with_setting("[databases]\na = 1\n", "a", "3");
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::not_found);
}
