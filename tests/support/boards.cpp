#include "tests/support/boards.hpp"

#include <algorithm>
#include <filesystem>

#include "tests/support/process.hpp"
#include "tests/support/source_dir.hpp"

namespace pgtend::test {

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

std::string filled(std::string expr) {
  for (const auto* name : {"$instance", "$datname"}) expr = replaced(expr, name, ".*");
  return replaced(expr, "$__rate_interval", "1m");
}

}  // namespace

std::vector<nlohmann::json> shipped_boards() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(source_dir()) + "/dashboards/grafana"))
    if (entry.path().filename().string().starts_with("pgtend-")) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<nlohmann::json> out;
  for (const auto& file : files) out.push_back(nlohmann::json::parse(read_file(file)));
  return out;
}

std::vector<std::pair<std::string, std::string>> board_queries() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& board : shipped_boards())
    for (const auto& panel : board["panels"])
      for (const auto& target : panel.value("targets", nlohmann::json::array()))
        out.emplace_back(board["uid"].get<std::string>() + " / " + panel["title"].get<std::string>() + " / " +
                             target["refId"].get<std::string>(),
                         filled(target["expr"]));
  return out;
}

}  // namespace pgtend::test
