#include "agent/config/check_file.hpp"

#include "agent/config/decode.hpp"

namespace pgtend::config {

namespace {

constexpr int kOldestVersion = 90000, kNewestVersion = 1000000;
constexpr Millis kShortestInterval{1'000}, kLongestInterval{7LL * 24 * 3600 * 1000};

const EnumNames<CollectorScope> kScopes{{CollectorScope::instance, "instance"}, {CollectorScope::database, "database"}};
const EnumNames<Severity> kSeverities{
    {Severity::info, "info"}, {Severity::warning, "warning"}, {Severity::critical, "critical"}};

Table<CheckDef> check_table() {
  using D = CheckDef;
  return {
      text("name", &D::name, "check name; default: the file's stem"),
      choice("category", &D::category, {"security", "configuration", "schema"}, "what it is about").required(),
      one_of("scope", &D::scope, kScopes, "run once, or once in each database"),
      duration("interval", &D::interval, kShortestInterval, kLongestInterval, "time between two runs"),
      one_of("severity", &D::severity, kSeverities, "of the finding"),
      optional_integer("min_version", &D::min_version, kOldestVersion, kNewestVersion, "first server_version_num"),
      optional_integer("max_version", &D::max_version, kOldestVersion, kNewestVersion, "last server_version_num"),
      text("sql", &D::sql, "the statement; it must return a column named subject").required(),
      text("value_column", &D::value_column, "compared with the threshold; empty: any row is a finding"),
      choice("comparison", &D::comparison, {">", ">=", "<", "<=", "==", "!="}, "value against threshold"),
      number("threshold", &D::threshold, -1e18, 1e18, "in the unit of the value"),
      text("unit", &D::unit, "unit of the value"),
      text("summary", &D::summary, "one sentence; {subject} and {column} are replaced").required(),
      text("grant", &D::grant, "statement that cures a missing right; {role} is the role that watches"),
  };
}

void check_def(Reader& reader, const Node& node, CheckDef& def) {
  def.file = reader.file();
  def.line = node.at.line;
  check_versions(reader, node.at, def.min_version, def.max_version);
  const bool has_threshold =
      std::any_of(node.entries.begin(), node.entries.end(), [](const Entry& e) { return e.key == "threshold"; });
  if (has_threshold && def.value_column.empty())
    reader.error(node.at, "threshold is set but value_column is not", "name the column that is compared");
}

struct CheckList {
  std::vector<CheckDef> checks;
};

}  // namespace

CheckFile decode_check(std::string_view text, const std::string& file_name) {
  CheckFile out;
  Tree tree = parse_yaml(text, file_name);
  out.errors = std::move(tree.errors);
  Origins origins;
  Reader reader(file_name, out.errors, origins);
  const Entry root{"the file", tree.root->at, tree.root};
  const bool is_list = std::any_of(tree.root->entries.begin(), tree.root->entries.end(),
                                   [](const Entry& e) { return e.key == "checks"; });
  if (is_list) {
    CheckList list;
    read_map(reader, root, {list_of("checks", &CheckList::checks, check_table(), "checks", {check_def})}, list);
    out.checks = std::move(list.checks);
    for (std::size_t i = 0; i < out.checks.size(); ++i)
      if (out.checks[i].name.empty())
        reader.error(origins["checks[" + std::to_string(i) + "]"].at, "'name' is missing", "check name");
  } else if (out.errors.empty() || tree.root->kind != NodeKind::null) {
    CheckDef def;
    read_map(reader, root, check_table(), def);
    check_def(reader, *tree.root, def);
    if (def.name.empty()) def.name = file_stem(file_name);
    out.checks.push_back(std::move(def));
  }
  order_errors(out.errors);
  return out;
}

}  // namespace pgtend::config
