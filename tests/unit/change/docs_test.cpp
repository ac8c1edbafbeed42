#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "agent/change/kinds/registry.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::change;
using pgtend::test::source_dir;

namespace {

std::filesystem::path pages() {
  return std::filesystem::path(source_dir()) / "docs/changes";
}

std::string page_of(const std::string& kind) {
  std::ostringstream text;
  text << std::ifstream(pages() / (kind + ".md")).rdbuf();
  return text.str();
}

// "unknown" is what follows the last kind.
std::vector<ChangeKind> all_kinds() {
  std::vector<ChangeKind> out;
  for (int i = 0; to_string(static_cast<ChangeKind>(i)) != "unknown"; ++i) out.push_back(static_cast<ChangeKind>(i));
  return out;
}

}  // namespace

TEST_CASE("each kind of change has its page, and each page its kind") {
  std::set<std::string> kinds, found;
  for (const auto kind : all_kinds()) kinds.insert(std::string(to_string(kind)));
  for (const auto& file : std::filesystem::directory_iterator(pages())) found.insert(file.path().stem().string());
  CHECK(found == kinds);
  for (const auto& kind : kinds) {
    const auto page = page_of(kind);
    CAPTURE(kind);
    for (const auto* heading : {"What it checks", "How it applies", "How it verifies", "How it is undone", "Lock",
                                "What it may cost", "Which GRANT"})
      CHECK_THAT(page, ContainsSubstring("\n## " + std::string(heading) + "\n"));
  }
}

TEST_CASE("each action class is on the page of exactly one kind") {
  for (const auto action : all_action_classes()) {
    int mentioned = 0;
    for (const auto kind : all_kinds())
      if (page_of(std::string(to_string(kind))).find("`" + std::string(to_string(action)) + "`") != std::string::npos)
        ++mentioned;
    CAPTURE(to_string(action));
    CHECK(mentioned == 1);
  }
}

TEST_CASE("a page says that there is a way back where the kind asks for one") {
  for (const auto kind : all_kinds()) {
    ProposedChange plan;
    plan.kind = kind;
    plan.action = ActionClass::create_index;
    const bool none =
        page_of(std::string(to_string(kind))).find("\n## How it is undone\n\nIt is not:") != std::string::npos;
    CAPTURE(to_string(kind));
    CHECK(none != kind_of(plan).needs_way_back());
  }
}
