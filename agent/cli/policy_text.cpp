#include "agent/cli/policy_text.hpp"

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/cli/table.hpp"

namespace pgtend::cli {

namespace {

std::string joined(const Json& list, const char* none) {
  std::vector<std::string> words;
  for (const auto& word : list) words.push_back(word.get<std::string>());
  return words.empty() ? none : join(words, ", ");
}

// "2 of 1000 changes, 1.5 GB of 10 GB, 12 s of 4320 s"; "-" where nothing bounds it.
std::string budget_text(const Json& report) {
  if (!report.is_object()) return "-";
  const auto &budget = report["budget"], &spent = report["spent"];
  std::vector<std::string> parts;
  if (!budget["changes"].is_null())
    parts.push_back(cell(report, "changes") + " of " + cell(budget, "changes") + " changes");
  for (const auto& [name, unit, what] : {std::tuple{"bytes", "bytes", " disk"}, std::tuple{"seconds", "seconds", ""},
                                         std::tuple{"wal_bytes", "bytes", " WAL"}})
    if (!budget[name].is_null())
      parts.push_back(quantity(spent, name, unit) + " of " + quantity(budget, name, unit) + what);
  if (!budget["replica_lag_seconds"].is_null())
    parts.push_back("standbys at most " + quantity(budget, "replica_lag_seconds", "seconds") + " behind");
  std::string out = parts.empty() ? "-" : join(parts, ", ");
  if (report["from"].is_null()) return out + " (window closed)";
  if (const auto next = cell(report, "next"); !next.empty()) out += " (anew at " + next + ")";
  return out;
}

std::string record_text(const Json& one) {
  const auto& record = one["record"];
  if (record.value("verdicts", 0) == 0) return one.value("needs_record", false) ? "no verdict yet" : "-";
  std::string out = cell(record, "right") + " of " + cell(record, "verdicts") + " right, precision at least " +
                    quantity(one, "precision_low", "");
  if (record.value("undone", 0) > 0) out += ", " + cell(record, "undone") + " undone";
  if (!record["median_error"].is_null()) out += ", prediction off by " + quantity(record, "median_error", "ratio");
  return out;
}

std::string rules_text(const Json& rules) {
  Table table({"RULE", "MODE", "ACTIONS", "DATABASE", "OBJECT", "WINDOW", "SPENT OF ITS BUDGET"});
  for (const auto& rule : rules)
    table.add({cell(rule, "name"), cell(rule, "mode"), joined(rule["actions"], "all"), cell(rule, "database"),
               cell(rule, "object"), cell(rule, "window").empty() ? "any time" : cell(rule, "window"),
               budget_text(rule["budget"])});
  return table.empty() ? "" : "Rules, the first that matches decides\n" + table.render() + "\n";
}

std::string classes_text(const Json& report) {
  Table table({"CLASS", "MODE", "RECORD", "SPENT OF ITS BUDGET"});
  std::string held;
  for (const auto& one : report["classes"]) {
    table.add({cell(one, "action"), cell(one, "mode"), record_text(one), budget_text(one["budget"])});
    if (const auto why = cell(one, "held_back"); !why.empty()) held += "  " + why + "\n";
  }
  std::string out = "Where no rule matches\n" + table.render() + "\n";
  if (!held.empty()) out += "Asks for approval even where the mode is auto\n" + held + "\n";
  return out;
}

std::string windows_text(const Json& windows) {
  Table table({"WINDOW", "DAYS", "FROM", "TO", "TIME ZONE", "NOW", "NEXT OPENING"});
  for (const auto& window : windows)
    table.add({cell(window, "name"), joined(window["days"], "every day"), cell(window, "start"), cell(window, "end"),
               cell(window, "time_zone"),
               window.value("open", false) ? "open until " + cell(window, "closes_at") : "closed",
               cell(window, "next_opening")});
  return table.empty() ? "" : "Windows\n" + table.render() + "\n";
}

std::string rests_text(const Json& rests) {
  Table table({"RESTS UNTIL", "ACTION", "DATABASE", "OBJECT", "WHY"});
  for (const auto& rest : rests)
    table.add({cell(rest, "until"), cell(rest, "action"), cell(rest, "database"), cell(rest, "object"),
               cell(rest, "reason")});
  return table.empty() ? "No object rests after a change.\n" : "Cool-downs\n" + table.render();
}

std::string flights_text(const Json& databases) {
  std::string out;
  for (const auto& database : databases) {
    const auto name = database.get<std::string>();
    out += name.empty() ? "A change of the whole instance is in flight.\n"
                        : "A change in database " + name + " is in flight.\n";
  }
  return out;
}

std::string decision_text(const Json& decision) {
  std::string out = cell(decision, "kind") + " (" + cell(decision, "limit") + "): " + cell(decision, "reason");
  if (const auto at = cell(decision, "not_before"); !at.empty()) out += " Not before " + at + ".";
  return out;
}

}  // namespace

std::string policy_text(const Json& report) {
  std::string out = report.value("frozen", false) ? "Changes are frozen by " + cell(report, "frozen_by") + ".\n"
                                                  : "Changes are not frozen.\n";
  if (!report.value("ledger_writable", true)) out += "There is no ledger, so pgtend only recommends.\n";
  if (cell(report, "role") != "primary") out += "The server is no primary that pgtend knows of: nothing is changed.\n";
  const auto& trust = report["trust"];
  out += trust.value("verdicts", 0) == 0
             ? "auto counts at once for every class.\n\n"
             : "auto counts for an index or setting class with " + cell(trust, "verdicts") +
                   " verdicts and a precision of at least " + quantity(trust, "precision", "") + ".\n\n";
  out += rules_text(report["rules"]) + classes_text(report) + windows_text(report["windows"]);
  return out + rests_text(report["cool_downs"]) + flights_text(report["in_flight"]);
}

std::string simulation_text(const Json& simulation) {
  std::string out = cell(simulation, "action") + " of " + cell(simulation, "object");
  if (const auto database = cell(simulation, "database"); !database.empty()) out += " in " + database;
  out += ", risk " + cell(simulation, "risk") + ": mode " + cell(simulation, "mode") + "\n  " +
         decision_text(simulation["decision"]) + "\n\nLimits\n";
  for (const auto& limit : simulation["limits"]) {
    out += std::string("  ") + (limit.value("holds", true) ? "ok  " : "no  ") + cell(limit, "limit");
    if (const auto reason = cell(limit, "reason"); !reason.empty()) out += ": " + reason;
    if (const auto until = cell(limit, "until"); !until.empty()) out += " Until " + until + ".";
    out += "\n";
  }
  const auto at = cell(simulation, "could_run_at");
  if (at.empty()) return out + "\nIt would not run by itself.\n";
  return out + (at == cell(simulation, "at") ? "\nIt could run by itself now.\n"
                                             : "\nIt could run by itself at " + at + ", if nothing else happens.\n");
}

std::string policy_backtest_text(const Json& backtest) {
  std::string out = "from " + cell(backtest, "from") + " to " + cell(backtest, "to") + "\n";
  if (backtest["rows"].empty()) return out + "nothing was proposed\n";
  Table table({"PROPOSED", "ACTION", "DATABASE", "OBJECT", "WOULD RUN", "LIMIT", "COST", "IN TRUTH"});
  for (const auto& row : backtest["rows"]) {
    const auto ran = cell(row, "ran_at");
    const auto kind = cell(row["decision"], "kind");
    table.add({cell(row, "opened_at"), cell(row, "action"), cell(row, "database"), cell(row, "object"),
               !ran.empty()          ? ran
               : kind == "automatic" ? "never: it waited"
                                     : "no: " + kind,
               cell(row["decision"], "limit"),
               quantity(row["cost"], "bytes", "bytes") + ", " + quantity(row["cost"], "seconds", "seconds"),
               cell(row, "became") + (row["verdict"].is_null() ? "" : " (" + cell(row, "verdict") + ")")});
  }
  out += table.render() + "\n";
  Table sums(
      {"CLASS", "PROPOSED", "RAN", "ASKED", "WAITED", "RECOMMENDED", "REFUSED", "UNDONE", "DISK", "TIME", "WAL"});
  for (const auto& sum : backtest["classes"])
    sums.add({cell(sum, "action"), cell(sum, "proposed"), cell(sum, "ran"), cell(sum, "asked"), cell(sum, "waited"),
              cell(sum, "recommended"), cell(sum, "refused"), cell(sum, "undone"),
              quantity(sum["cost"], "bytes", "bytes"), quantity(sum["cost"], "seconds", "seconds"),
              quantity(sum["cost"], "wal_bytes", "bytes")});
  out += sums.render();
  if (const int undone = backtest.value("undone", 0); undone > 0)
    out += "\n" + std::to_string(undone) + " of what would have run by itself was undone in truth.\n";
  return out;
}

}  // namespace pgtend::cli
