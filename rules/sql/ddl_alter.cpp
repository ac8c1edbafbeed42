#include <map>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "rules/sql/ddl_reader.hpp"

namespace pgtend::sql {

namespace {

using Kind = Action::Kind;

struct Slice {
  std::size_t start = 0, end = 0;
};

// Past the table's name: where the first command begins.
std::size_t first_command(const std::vector<Token>& tokens, std::size_t table_at) {
  std::size_t i = 0;
  while (i < tokens.size() && tokens[i].start < table_at) ++i;
  ++i;
  while (i + 1 < tokens.size() && tokens[i].text == ".") i += 2;
  if (i < tokens.size() && (tokens[i].text == "*" || tokens[i].text == ")")) ++i;
  return i;
}

// The commands of ALTER TABLE are what stands between its commas outside brackets.
std::vector<Slice> commands_of(const std::vector<Token>& tokens, std::size_t table_at) {
  std::vector<Slice> out(1);
  int depth = 0;
  bool open = false;
  for (std::size_t i = first_command(tokens, table_at); i < tokens.size(); ++i) {
    const auto& token = tokens[i];
    if (token.kind == Token::Kind::comment) continue;
    if (depth == 0 && token.text == ",") {
      out.emplace_back();
      open = false;
      continue;
    }
    if (token.text == "(" || token.text == "[") ++depth;
    if (token.text == ")" || token.text == "]") --depth;
    if (!open) out.back().start = token.start;
    open = true;
    out.back().end = token.end;
  }
  return out;
}

// Subtypes that need no more than their name; the rest of ALTER TABLE's run under ACCESS EXCLUSIVE.
// Source: AlterTableGetLockLevel() in src/backend/commands/tablecmds.c.
const std::map<std::string, Kind>& plain_kinds() {
  static const std::map<std::string, Kind> kinds{
      {"AT_DropColumn", Kind::drop_column},
      {"AT_SetNotNull", Kind::set_not_null},
      {"AT_ValidateConstraint", Kind::validate_constraint},
      {"AT_SetTableSpace", Kind::set_tablespace},
      {"AT_SetLogged", Kind::set_logged},
      {"AT_SetUnLogged", Kind::set_logged},
      {"AT_SetAccessMethod", Kind::set_access_method},
      {"AT_EnableRowSecurity", Kind::enable_row_security},
      {"AT_DisableTrig", Kind::disable_trigger},
      {"AT_DisableTrigAll", Kind::disable_trigger},
      {"AT_DisableTrigUser", Kind::disable_trigger},
      {"AT_SetStatistics", Kind::alter_weak},
      {"AT_SetRelOptions", Kind::alter_weak},
      {"AT_ResetRelOptions", Kind::alter_weak},
      {"AT_SetOptions", Kind::alter_weak},
      {"AT_ResetOptions", Kind::alter_weak},
      {"AT_ClusterOn", Kind::alter_weak},
      {"AT_DropCluster", Kind::alter_weak},
      {"AT_AttachPartition", Kind::attach_partition},
      {"AT_DetachPartition", Kind::detach_partition},
      {"AT_DetachPartitionFinalize", Kind::alter_weak},
  };
  return kinds;
}

void read_definition(Action& action, const Json& command, std::string_view text, const Slice& slice) {
  const auto subtype = text_of(command, "subtype");
  const auto& definition = child(command, "def");
  if (subtype == "AT_AddColumn") {
    action.kind = Kind::add_column;
    action.columns.push_back(read_column(as(definition, "ColumnDef"), text, slice.end));
  } else if (subtype == "AT_AlterColumnType") {
    action.kind = Kind::column_type;
    const auto& column = as(definition, "ColumnDef");
    action.columns.push_back(read_column(column, text, slice.end));
    action.columns.back().name = action.word;
    action.flag = !child(column, "raw_default").is_null();
  } else if (subtype == "AT_AddConstraint") {
    action.kind = Kind::add_constraint;
    action.constraints.push_back(read_constraint(as(definition, "Constraint")));
  } else if (subtype == "AT_SetLogged" || subtype == "AT_SetUnLogged") {
    action.word = subtype == "AT_SetLogged" ? "LOGGED" : "UNLOGGED";
  } else if (subtype == "AT_DisableTrigAll" || subtype == "AT_DisableTrigUser") {
    action.word = subtype == "AT_DisableTrigAll" ? "ALL" : "USER";
  } else if (subtype == "AT_AttachPartition" || subtype == "AT_DetachPartition") {
    const auto& partition = as(definition, "PartitionCmd");
    action.related = relation_name(child(partition, "name"));
    action.concurrently = flag_of(partition, "concurrent");
    action.flag = flag_of(child(partition, "bound"), "is_default");
  }
}

}  // namespace

std::vector<Action> read_alter_table(const Json& statement, std::string_view text, const std::vector<Token>& tokens) {
  std::vector<Action> out;
  const auto& relation = child(statement, "relation");
  const auto& commands = child(statement, "cmds");
  const auto kind = text_of(statement, "objtype");
  // Of an index, view, sequence or type: locks of its own, none of a table.
  if (kind != "OBJECT_TABLE" && kind != "OBJECT_MATVIEW") return {Action()};
  const auto& at = child(relation, "location");
  const auto slices = commands_of(tokens, at.is_number_unsigned() ? at.get<std::size_t>() : 0);
  for (std::size_t i = 0; commands.is_array() && i < commands.size(); ++i) {
    const auto& command = as(commands[i], "AlterTableCmd");
    const auto slice = i < slices.size() ? slices[i] : Slice{0, text.size()};
    Action action;
    action.target = relation_name(relation);
    action.at = slice.start;
    action.text = text.substr(slice.start, slice.end - slice.start);
    action.word = text_of(command, "name");
    action.cascade = text_of(command, "behavior") == "DROP_CASCADE";
    action.if_exists = flag_of(statement, "missing_ok");
    const auto plain = plain_kinds().find(text_of(command, "subtype"));
    action.kind = plain == plain_kinds().end() ? Kind::alter_strong : plain->second;
    read_definition(action, command, text, slice);
    out.push_back(std::move(action));
  }
  return out;
}

}  // namespace pgtend::sql
