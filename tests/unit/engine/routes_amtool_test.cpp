// The routing tree against Alertmanager's own, on generated trees and label sets.
#include "agent/base/strings.hpp"
#include "agent/config/config.hpp"
#include "agent/engine/routing_report.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"
#include "tests/support/seeds.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr const char* kNames[]{"severity", "team", "datname", "alertname"};
constexpr const char* kValues[]{"critical", "warning", "db", "web", "shop", "crm", "a,b", ""};
constexpr int kReceivers = 6;

std::string matcher(Dice& dice) {
  const std::string name = kNames[dice.below(4)];
  switch (dice.below(5)) {
    case 0:
      return name + "!=\"" + kValues[dice.below(8)] + "\"";
    case 1:
      return name + "=~\"" + kValues[dice.below(7)] + "|" + kValues[dice.below(7)] + "\"";
    case 2:
      return name + "!~\"(" + kValues[dice.below(7)] + ")|x.*\"";
    default:
      return name + "=\"" + kValues[dice.below(8)] + "\"";
  }
}

void add_route(Dice& dice, int depth, const std::string& indent, std::string& out) {
  out += indent + "- receiver: r" + std::to_string(dice.below(kReceivers)) + "\n";
  out += indent + "  matchers:\n";
  for (int i = dice.between(1, 2); i > 0; --i) out += indent + "    - '" + matcher(dice) + "'\n";
  if (dice.chance(40)) out += indent + "  continue: true\n";
  if (depth == 0 || dice.chance(40)) return;
  out += indent + "  routes:\n";
  for (int i = dice.between(1, 3); i > 0; --i) add_route(dice, depth - 1, indent + "    ", out);
}

// The part that both configurations share, indented by `indent`.
std::string tree_yaml(Dice& dice, const std::string& indent) {
  std::string out = indent + "route:\n" + indent + "  receiver: r0\n" + indent + "  routes:\n";
  for (int i = dice.between(2, 5); i > 0; --i) add_route(dice, 2, indent + "    ", out);
  out += indent + "receivers:\n";
  for (int i = 0; i < kReceivers; ++i) out += indent + "  - name: r" + std::to_string(i) + "\n";
  return out;
}

std::vector<std::pair<std::string, std::string>> label_set(Dice& dice) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto* name : kNames)
    if (dice.chance(70)) out.emplace_back(name, kValues[dice.below(7)]);
  if (out.empty()) out.emplace_back("other", "x");
  return out;
}

}  // namespace

TEST_CASE("routes test answers as amtool does") {
  if (!std::filesystem::exists("/usr/bin/amtool")) {
    WARN("amtool is not installed");
    return;
  }
  const auto seed = first_seed();
  INFO("PGTEND_SEED=" << seed);
  Dice dice(seed);
  const int trees = 5, sets = seeded_runs(200) / trees;
  const TempDir dir("routes");
  for (int t = 0; t < trees; ++t) {
    const auto tree_seed = seed * 1000 + static_cast<std::uint64_t>(t);
    Dice for_amtool(tree_seed), for_us(tree_seed);
    write_file(dir.path() / "am.yml", tree_yaml(for_amtool, ""));
    write_file(dir.path() / "pgtend.yaml", "alerting:\n" + tree_yaml(for_us, "  "));
    const auto loaded = config::load(dir.path() / "pgtend.yaml");
    INFO(config::format_errors(loaded.errors));
    REQUIRE(loaded.errors.empty());
    // One shell for all label sets: starting a process for each from here would take longer than they do.
    std::string script;
    std::vector<Labels> asked;
    for (int i = 0; i < sets; ++i) {
      script += "amtool config routes test --config.file=" + (dir.path() / "am.yml").string();
      Labels labels;
      for (const auto& [name, value] : label_set(dice)) {
        script += " '" + name + "=\"" + value + "\"'";
        labels.set(name, value);
      }
      // It warns about its own flags there.
      script += " 2>/dev/null\n";
      asked.push_back(std::move(labels));
    }
    write_file(dir.path() / "ask.sh", script);
    const auto answer = run_command({"/bin/sh", (dir.path() / "ask.sh").string()});
    auto lines = split(answer.output, '\n');
    REQUIRE(lines.size() >= asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
      INFO(to_string(asked[i]) << " in tree " << tree_seed);
      CHECK(join(engine::receivers_for(loaded.config.alerting, asked[i]), ",") == lines[i]);
    }
  }
}
