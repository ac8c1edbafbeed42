#include "agent/cli/rule_reviews.hpp"

#include <cmath>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "agent/base/units.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"
#include "agent/config/files.hpp"

namespace pgtend::cli {

namespace {

// The rule files as the API takes them; nullopt after a report when one cannot be read.
std::optional<Json> read_files(Context& context, const std::vector<std::string>& files) {
  auto out = Json::array();
  for (const auto& file : files) {
    const auto text = config::read_text(file);
    if (!text) {
      report(context, text.error());
      return std::nullopt;
    }
    out.push_back({{"file", file}, {"text", *text}});
  }
  return out;
}

std::string duration_text(const Json& seconds) {
  return format_duration(Millis(std::llround(seconds.get<double>() * 1000)));
}

std::string labels_text(const Json& labels) {
  std::string out;
  for (const auto& [name, value] : labels.items()) {
    if (name == "__name__") continue;
    out += (out.empty() ? "{" : ", ") + name + "=\"" + value.get<std::string>() + "\"";
  }
  const auto name = labels.value("__name__", "");
  return out.empty() ? (name.empty() ? "{}" : name) : name + out + "}";
}

std::string number_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// "1 flap", "2 flaps".
std::string count_text(const Json& count, const std::string& one, const std::string& several = "") {
  return number_text(count) + " " + (count.get<int>() == 1 ? one : several.empty() ? one + "s" : several);
}

// What a person reads of a value; JSON has all its digits.
std::string rounded_text(const Json& value) {
  if (!value.is_number()) return number_text(value);
  char out[32];
  std::snprintf(out, sizeof out, "%.6g", value.get<double>());
  return out;
}

void show_part(const Json& part) {
  std::string line(2 * static_cast<std::size_t>(part["depth"].get<int>()), ' ');
  line += part["text"].get<std::string>();
  const auto error = part["error"].get<std::string>();
  if (!error.empty()) {
    print(line + "\n" + std::string(line.find_first_not_of(' ') + 4, ' ') + "! " + error + "\n");
    return;
  }
  const std::string inset(line.find_first_not_of(' ') + 4, ' ');
  const auto count = part["series"].get<std::size_t>();
  print(line + "\n");
  if (count == 0) print(inset + "nothing\n");
  for (const auto& series : part["top"])
    for (const auto& sample : series["samples"])
      print(inset + labels_text(series["labels"]) + " = " + number_text(sample[1]) + "\n");
  if (count > part["top"].size()) print(inset + "and " + std::to_string(count - part["top"].size()) + " more\n");
}

std::string indented(const std::string& text) {
  std::string out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out += "    " + line + "\n";
  return out;
}

void show_episodes(const Json& rule) {
  if (rule["shown"].empty()) return;
  Table table({"  FIRED AT", "ENDED AT", "PEAK", "LABELS"});
  for (const auto& one : rule["shown"])
    table.add({"  " + cell(one, "fired_at"), one["ended_at"].is_null() ? "still firing" : cell(one, "ended_at"),
               rounded_text(one["peak"]), labels_text(one["labels"])});
  print(table.render());
  if (const auto all = rule["episodes"].get<std::size_t>(); all > rule["shown"].size())
    print("  and " + std::to_string(all - rule["shown"].size()) + " more\n");
}

void show_rule(const Json& rule) {
  print(cell(rule, "rule") + " (" + cell(rule, "group") + ")\n");
  if (const auto error = cell(rule, "error"); !error.empty()) {
    print("  ! " + error + "\n");
    return;
  }
  for (const auto& note : rule["notes"]) print("  ! " + note.get<std::string>() + "\n");
  print("  " + count_text(rule["episodes"], "episode") + ", " + count_text(rule["notifications"], "notification") +
        ", " + duration_text(rule["firing_seconds"]) + " firing, " + count_text(rule["flaps"], "flap") + ", " +
        count_text(rule["near_misses"], "near miss", "near misses") +
        (rule["near_misses"].get<int>() > 0 ? " (longest " + duration_text(rule["longest_near_miss_seconds"]) + ")"
                                            : "") +
        "\n");
  show_episodes(rule);
  if (const auto message = cell(rule, "message"); !message.empty())
    print((rule["notifications"] == 0 ? "  nobody would have been told:\n" : "  it would have said:\n") +
          indented(message));
  if (rule["sweep"].empty()) return;
  Table table({"  WITH", "EPISODES", "NOTIFICATIONS", "FIRING"});
  for (const auto& one : rule["sweep"])
    table.add({"  " + cell(one, "what"), number_text(one["episodes"]), number_text(one["notifications"]),
               duration_text(one["firing_seconds"])});
  print(table.render());
}

void show_backtest(const Json& item) {
  print("from " + cell(item, "from") + " to " + cell(item, "to") +
        (item["blind_seconds"].get<double>() > 0
             ? ", " + duration_text(item["blind_seconds"]) + " of it without the agent"
             : "") +
        "\n");
  for (const auto& rule : item["rules"]) show_rule(rule);
  if (item["changes"].empty()) return;
  Table table({"RULE", "OLD", "NEW", "OLD MESSAGES", "NEW MESSAGES", "MISSED", "ADDED"});
  for (const auto& one : item["changes"])
    table.add({cell(one, "rule"), number_text(one["old_episodes"]), number_text(one["new_episodes"]),
               number_text(one["old_notifications"]), number_text(one["new_notifications"]), number_text(one["missed"]),
               number_text(one["added"])});
  print(table.render());
}

}  // namespace

void lint_rules(Context& context, const LintRequest& request) {
  const auto files = read_files(context, request.files);
  if (!files) return;
  const auto answer = ask(context, "POST", "/v1/rules/lint", {{"files", *files}, {"since", request.since}});
  if (!answer) {
    report(context, answer.error());
    return;
  }
  const auto& items = (*answer)["items"];
  if (context.json()) print(answer->dump(2) + "\n");
  for (const auto& one : items) {
    const auto severity = cell(one, "severity");
    if (severity == "error") context.exit_code = kCritical;
    if (severity == "warning" && context.exit_code == kOk) context.exit_code = kWarnings;
    if (!context.json())
      print(cell(one, "file") + ":" + cell(one, "line") + ": " + severity + ": " + cell(one, "rule") + ": " +
            cell(one, "message") + " [" + cell(one, "check") + "]\n");
  }
  if (!context.json() && items.empty()) print("nothing found\n");
}

void explain_rule(Context& context, const ExplainRequest& request) {
  const auto path = request.expr.empty() ? "/v1/rules/explain?rule=" + url_encode(request.rule)
                                         : "/v1/rules/explain?expr=" + url_encode(request.expr);
  ask_and_show(context, path, [](const Json& answer) {
    for (const auto& rule : answer["items"]) {
      if (const auto name = cell(rule, "rule"); !name.empty())
        print(name + " (" + cell(rule, "group") + ", " + cell(rule, "file") + ":" + cell(rule, "line") + ")\n");
      for (const auto& part : rule["parts"]) show_part(part);
    }
  });
}

void backtest_rules(Context& context, const BacktestRequest& request) {
  const auto files = read_files(context, request.files), against = read_files(context, request.against);
  if (!files || !against) return;
  Json body{{"files", *files},
            {"against", *against},
            {"since", request.since},
            {"rule", request.rule},
            {"sweep", request.sweep}};
  if (!request.step.empty()) body["step"] = request.step;
  auto answer = ask(context, "POST", "/v1/rules/backtest", body);
  // A request has its time; what did not fit is asked for by the next.
  while (answer && !(*answer)["item"]["next"].is_null()) {
    body["first"] = (*answer)["item"]["next"];
    auto more = ask(context, "POST", "/v1/rules/backtest", body);
    if (!more) {
      answer = std::move(more);
      break;
    }
    auto &into = (*answer)["item"], &from = (*more)["item"];
    for (const auto* list : {"rules", "changes"})
      for (auto& one : from[list]) into[list].push_back(std::move(one));
    into["next"] = from["next"];
  }
  if (!answer) {
    report(context, answer.error());
    return;
  }
  const auto& item = (*answer)["item"];
  if (context.json()) {
    print(answer->dump(2) + "\n");
  } else {
    show_backtest(item);
  }
  const auto failed = [&](const std::string& why) {
    std::cerr << "pgtend: " << why << "\n";
    context.exit_code = kFailed;
  };
  for (const auto& rule : item["rules"]) {
    if (!cell(rule, "error").empty()) failed(cell(rule, "rule") + " could not be evaluated");
    if (request.max_notifications && rule["notifications"].get<long>() > *request.max_notifications)
      failed(cell(rule, "rule") + " would have sent more than " + std::to_string(*request.max_notifications) +
             " messages");
  }
  for (const auto& change : item["changes"])
    if (request.no_missed && change["missed"].get<long>() > 0)
      failed(cell(change, "rule") + " misses " + count_text(change["missed"], "episode") + " of the old rule");
}

}  // namespace pgtend::cli
