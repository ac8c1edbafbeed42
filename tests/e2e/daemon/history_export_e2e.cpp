#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

using Samples = std::multiset<std::pair<std::int64_t, double>>;  // ms, value

Samples in_pgtend(const Daemon& daemon) {
  Samples out;
  const auto answer = daemon.get("/v1/query?expr=pg_up%5B1h%5D");
  if (!answer) return out;
  for (const auto& series : (*answer)["item"]["series"])
    for (const auto& sample : series["samples"])
      out.emplace(std::llround(sample[0].get<double>() * 1'000), sample[1].get<double>());
  return out;
}

}  // namespace

TEST_CASE("promtool reads an export, and every format holds the samples that are stored") {
  PgCluster cluster;
  Daemon daemon(cluster);
  daemon.start();
  REQUIRE(eventually([&] { return in_pgtend(daemon).size() >= 8; }, std::chrono::seconds(30)));
  const auto stored = in_pgtend(daemon);
  TempDir dir("pgtend-export");
  const auto text = dir.path() / "all.om", csv = dir.path() / "up.csv", blocks = dir.path() / "blocks";
  REQUIRE(daemon.cli({"history", "export", "--file", text.string()}).status == 0);
  const auto lines = lines_of(read_file(text));
  REQUIRE(lines.size() > 100);
  CHECK(lines.back() == "# EOF");

  must_run({"promtool", "tsdb", "create-blocks-from", "openmetrics", text.string(), blocks.string()});
  // It looks for a log even where there is none to read.
  std::filesystem::create_directory(blocks / "wal");
  Samples dumped;
  for (const auto& line : lines_of(must_run({"promtool", "tsdb", "dump", blocks.string()}))) {
    if (line.find("__name__=\"pg_up\"") == std::string::npos) continue;
    std::istringstream rest(line.substr(line.rfind('}') + 1));
    double value = 0;
    std::int64_t at = 0;
    rest >> value >> at;
    dumped.emplace(at, value);
  }
  // The daemon went on sampling after it was asked, so the export may hold more.
  CHECK(std::includes(dumped.begin(), dumped.end(), stored.begin(), stored.end()));

  REQUIRE(daemon.cli({"history", "export", "--format", "csv", "--match", "pg_up", "--file", csv.string()}).status == 0);
  const auto rows = lines_of(read_file(csv));
  CHECK(rows.at(0) == "metric,labels,time,value");
  CHECK(rows.size() >= stored.size() + 1);
  CHECK(std::all_of(rows.begin() + 1, rows.end(), [](const std::string& row) { return row.starts_with("pg_up,"); }));

  const auto json = daemon.cli({"history", "export", "--format", "jsonl", "--match", "pg_up"});
  REQUIRE(json.status == 0);
  const auto line = Json::parse(lines_of(json.output).at(0));
  CHECK(line["labels"]["__name__"] == "pg_up");
  CHECK(line["samples"].size() >= stored.size());
  CHECK(daemon.cli({"history", "export", "--match", "pg_up{"}).status != 0);

  // Into a file of its own: as many samples as the text has lines, and one more import of them is refused.
  const auto copy = (dir.path() / "copy.db").string();
  const auto imported = daemon.cli({"history", "import", csv.string(), "--to", copy, "-o", "json"});
  INFO(imported.output);
  REQUIRE(imported.status == 0);
  CHECK(Json::parse(imported.output)["samples"] == rows.size() - 1);
  CHECK(daemon.cli({"db", "check", copy}).status == 0);
  CHECK(daemon.cli({"history", "import", text.string(), "--to", copy}).output.find("import into a new file") !=
        std::string::npos);
  CHECK(daemon.cli({"history", "import", "/nothing.csv", "--to", copy}).output.find("cannot read /nothing.csv") !=
        std::string::npos);
  write_file(dir.path() / "bad.csv", "metric,labels,time,value\npg_up,{},soon,1\n");
  const auto bad = daemon.cli({"history", "import", (dir.path() / "bad.csv").string(), "--to", copy});
  CHECK(bad.output.find("bad.csv:2: the time is not like") != std::string::npos);
  CHECK(daemon.cli({"history"}).status == 2);
}
