#include <cstdlib>
#include <fstream>

#include "agent/base/strings.hpp"
#include "agent/config/config.hpp"
#include "agent/config/files.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::config;

namespace {

const std::string kSample = std::string(pgtend::test::source_dir()) + "/packaging/pgtend.yaml";

// Takes the # away from every commented default; prose has a space behind its #.
std::string uncommented(const std::string& text) {
  std::string out;
  for (auto line : split(text, '\n')) {
    const auto hash = line.find_first_not_of(' ');
    if (hash != std::string::npos && line[hash] == '#' && hash + 1 < line.size() && line[hash + 1] != ' ')
      line.erase(hash, 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("packaging/pgtend.yaml is what the binary says about itself") {
  if (std::getenv("PGTEND_UPDATE_GOLDEN") != nullptr) std::ofstream(kSample) << sample_yaml();
  const auto text = read_text(kSample);
  REQUIRE(text);
  INFO("after a change of the keys run this test with PGTEND_UPDATE_GOLDEN=1");
  CHECK(*text == sample_yaml());
}

TEST_CASE("the sample file changes nothing, and neither does it with every key taken in") {
  const auto text = read_text(kSample);
  REQUIRE(text);
  const auto as_it_is = load_text(*text, "pgtend.yaml");
  CHECK(format_errors(as_it_is.errors).empty());
  CHECK(dump(as_it_is.config) == dump(Config{}));
  const auto taken_in = load_text(uncommented(*text), "pgtend.yaml");
  CHECK(format_errors(taken_in.errors).empty());
  CHECK(dump(taken_in.config) == dump(Config{}));
}

TEST_CASE("the sample with one default changed is no longer the default") {
  auto text = uncommented(sample_yaml());
  const auto at = text.find("port: 5432");
  REQUIRE(at != std::string::npos);
  text.replace(at, 10, "port: 5433");
  const auto loaded = load_text(text, "pgtend.yaml");
  CHECK(loaded.config.postgresql.port == 5433);
  CHECK(dump(loaded.config) != dump(Config{}));
}

TEST_CASE("the reference documents every key of the effective configuration") {
  const auto text = reference();
  for (const auto& line : split(dump(Config{}), '\n')) {
    if (line.empty()) continue;
    const std::string key = line.substr(0, line.find(':'));
    INFO(key);
    CHECK(("\n" + text).find("\n" + key + "  (") != std::string::npos);
  }
  CHECK(text.find("policy.rules[].budget.changes  (") != std::string::npos);
  CHECK(text.find("http.tokens[].sha256  (") != std::string::npos);
}
