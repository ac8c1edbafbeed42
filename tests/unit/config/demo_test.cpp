#include <fstream>
#include <sstream>

#include "agent/config/config.hpp"
#include "agent/config/rule_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;

namespace {

std::string text_of(const std::string& file) {
  std::ifstream in(std::string(pgtend::test::source_dir()) + "/" + file);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace

TEST_CASE("the demo's configuration is an ordinary one without mistakes") {
  const auto loaded = config::load_text(text_of("packaging/demo.yaml"), "demo.yaml");
  INFO(config::format_errors(loaded.errors));
  REQUIRE(loaded.errors.empty());
  const auto& verify = loaded.config.verify;
  CHECK(verify.window >= loaded.config.collection.intervals.at("statements"));
  // Three blocks a side are the fewest that a test can work with.
  CHECK(verify.after / verify.block > 3);
  CHECK(verify.window * verify.min_windows <= verify.after);
  CHECK(loaded.config.policy.defaults.at(ActionClass::create_index) == PolicyMode::approve);
  REQUIRE(loaded.config.policy.rules.size() == 1);
  CHECK(loaded.config.policy.rules[0].mode == PolicyMode::automatic);
}

TEST_CASE("the demo's rule file holds one alert of seconds") {
  const auto decoded = config::decode_rules(text_of("packaging/demo/rules.yaml"), "rules.yaml");
  REQUIRE(decoded.errors.empty());
  REQUIRE(decoded.groups.size() == 1);
  REQUIRE(decoded.groups[0].rules.size() == 1);
  CHECK(decoded.groups[0].rules[0].hold <= Millis(5'000));
}
