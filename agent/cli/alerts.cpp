#include <algorithm>

#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"

namespace pgtend::cli {

namespace {

// A sign of life always fires; it says that all is well, not that something is wrong.
bool is_sign_of_life(const Json& alert) {
  const auto severity = cell(alert["labels"], "severity");
  return severity == "none" || severity == "heartbeat";
}

// "acknowledged by anna": who took it or keeps it quiet; of a comment only that.
std::string quiet_text(const Json& alert) {
  const auto silence = alert.value("silence", Json());
  if (!silence.is_object()) return "";
  const bool taken = cell(silence, "comment").starts_with("acknowledged");
  return std::string(taken ? "acknowledged" : "silenced") + " by " + cell(silence, "created_by");
}

void list_alerts(Context& context) {
  const auto answer = ask_and_show(context, "/v1/alerts", [](const Json& list) {
    Table table({"ID", "STATE", "SEVERITY", "ALERT", "SINCE", "VALUE", "QUIET", "SUMMARY"});
    for (const auto& a : list["items"]) {
      const auto since = cell(a, "fired_at").empty() ? cell(a, "active_at") : cell(a, "fired_at");
      const bool unknown = a.value("unknown", false);
      table.add({cell(a, "fingerprint").substr(0, 8), cell(a, "state") + (unknown ? " (unknown)" : ""),
                 cell(a["labels"], "severity"), cell(a, "rule"), short_time(since), cell(a, "value"), quiet_text(a),
                 cell(a["annotations"], "summary")});
    }
    print(table.empty() ? "no alerts\n" : table.render());
  });
  if (!answer) return;
  for (const auto& a : (*answer)["items"]) {
    if (cell(a, "state") != "firing" || is_sign_of_life(a)) continue;
    if (context.exit_code == kOk) context.exit_code = kWarnings;
    if (cell(a["labels"], "severity") == "critical") context.exit_code = kCritical;
  }
}

std::string parts_text(const Json& parts) {
  std::string out;
  for (const auto& part : parts) {
    out += "  " + cell(part, "expr") + "\n";
    if (const auto error = cell(part, "error"); !error.empty()) out += "      failed: " + error + "\n";
    for (const auto& value : part["values"])
      out += "      " + cell(value, "labels") + " " + cell(value, "value") + "\n";
    if (part["values"].empty() && cell(part, "error").empty()) out += "      nothing\n";
    if (part.value("more", 0) > 0) out += "      and " + cell(part, "more") + " more\n";
  }
  return out;
}

// First, lowest, highest and last sample: enough to see the shape on a terminal; -o json has them all.
std::string series_text(const Json& list) {
  std::string out;
  for (const auto& series : list) {
    const auto& samples = series["samples"];
    if (samples.empty()) continue;
    const auto by_value = [](const Json& a, const Json& b) {
      return a[1].is_number() && b[1].is_number() && a[1] < b[1];
    };
    const auto [low, high] = std::minmax_element(samples.begin(), samples.end(), by_value);
    const auto at = [](const Json& sample) {
      return sample[1].dump() + " at " + short_time(sample[0].get<std::string>());
    };
    out += "  " + cell(series, "series") + ": " + at(samples.front()) + ", lowest " + at(*low) + ", highest " +
           at(*high) + ", last " + at(samples.back()) + " (" + std::to_string(samples.size()) + " samples)\n";
  }
  return out;
}

std::string lines_text(const char* title, const Json& lines) {
  std::string out;
  for (const auto& line : lines) out += "  " + line.get<std::string>() + "\n";
  return out.empty() ? out : std::string("\n") + title + "\n" + out;
}

// The evidence of an alert that cannot be looked at ends with the reason: "… (unknown: collector x is error)".
std::string unknown_text(const Json& alert) {
  constexpr std::string_view kMark = "(unknown: ";
  const auto evidence = cell(alert, "evidence");
  const auto at = evidence.rfind(kMark);
  const auto why = at == std::string::npos || !evidence.ends_with(')')
                       ? "it could not be evaluated lately"
                       : evidence.substr(at + kMark.size(), evidence.size() - 1 - at - kMark.size());
  return " (unknown: " + why + "; its state is frozen)";
}

void show_explanation(const Json& answer) {
  const auto& e = answer["item"];
  const auto& a = e["alert"];
  std::string out = cell(a, "rule") + " " + cell(a, "fingerprint") + ": " + cell(a, "state");
  if (a.value("unknown", false)) out += unknown_text(a);
  out += "\n  " + cell(a["annotations"], "summary") + "\n";
  out += "  value " + cell(a, "value");
  if (const auto comparison = cell(e, "comparison"); !comparison.empty()) out += ", alerts at " + comparison;
  if (const auto normal = cell(e, "normal"); !normal.empty()) out += ", normal at this hour " + normal;
  if (const auto resolved = cell(a, "resolved_value"); !resolved.empty()) out += "; resolved at " + resolved;
  out += "\n";
  for (const auto* field : {"active_at", "fired_at", "resolved_at"})
    if (const auto at = cell(a, field); !at.empty()) out += "  " + std::string(field) + " " + at + "\n";
  if (const auto muted = cell(e, "muted"); !muted.empty()) out += "  not told: " + muted + "\n";
  out += "\nExpression at " + cell(e, "at") + "\n" + parts_text(e["parts"]);
  if (const auto series = series_text(e["series"]); !series.empty()) out += "\nSeries around it\n" + series;
  out += lines_text("Likely causes", e["causes"]) + lines_text("pgtend", e["acts"]);
  if (!e["changes"].empty()) out += "\nChanges in that window\n";
  for (const auto& change : e["changes"])
    out += "  " + cell(change, "id").substr(0, 8) + " " + cell(change, "action") + " " + cell(change, "object") + ": " +
           cell(change, "state") + " " + cell(change, "updated_at") + "\n";
  print(out);
}

std::string silence_line(const Json& s) {
  const auto end = s["ended_at"].is_string()   ? "ended " + cell(s, "ended_at")
                   : !s["ends_at"].is_string() ? std::string("until resolved")
                   : s.value("active", true)   ? "until " + cell(s, "ends_at")
                                               : "expired " + cell(s, "ends_at");
  const auto why = cell(s, "comment");
  return cell(s, "id") + " " + cell(s, "matchers") + " " + end + " by " + cell(s, "created_by") +
         (why.empty() ? "" : ": " + why);
}

void post_silence(Context& context, const std::string& path, const Json& body) {
  auto answer = ask(context, "POST", path, body);
  if (!answer) {
    report(context, answer.error());
    return;
  }
  print(context.json() ? answer->dump(2) + "\n" : "silence " + silence_line((*answer)["item"]) + "\n");
}

struct Words {
  std::string id, at, span, comment, by, state = "queued";
  std::vector<std::string> matchers;
  bool until_resolved = false;
};

Json end_of(const Words& words) {
  auto body = Json::object();
  if (!words.span.empty() && !words.until_resolved) body["for"] = words.span;
  if (!words.comment.empty()) body["comment"] = words.comment;
  if (!words.by.empty()) body["by"] = words.by;
  return body;
}

void add_silence_options(CLI::App* sub, const std::shared_ptr<Words>& words) {
  auto* span = sub->add_option("--for", words->span, "how long, like 1h; without it until it is resolved");
  sub->add_flag("--until-resolved", words->until_resolved, "until it is resolved")->excludes(span);
  sub->add_option("-m,--comment", words->comment, "why; kept in the audit");
  sub->add_option("--by", words->by, "who, when the account is not a person's");
}

void add_acts(CLI::App* command, Context& context, const std::shared_ptr<Words>& words) {
  auto* ack =
      command->add_subcommand("ack", "take an alert: nobody is told of it again until it is resolved, or for a time");
  ack->add_option("id", words->id, "id or unique prefix")->required();
  add_silence_options(ack, words);
  ack->callback(
      [&context, words] { post_silence(context, "/v1/alerts/" + url_encode(words->id) + "/ack", end_of(*words)); });

  auto* silence =
      command->add_subcommand("silence", R"(keep alerts quiet, like: silence 'alertname="PgReplicaLag"' --for 2h)");
  silence->add_option("matchers", words->matchers, "label=\"value\" with =, !=, =~ or !~")->required();
  add_silence_options(silence, words);
  silence->callback([&context, words] {
    auto body = end_of(*words);
    std::string text;
    for (const auto& matcher : words->matchers) text += (text.empty() ? "" : ",") + matcher;
    body["matchers"] = text;
    post_silence(context, "/v1/silences", body);
  });

  auto* end = command->add_subcommand("unsilence", "end a silence");
  end->add_option("id", words->id, "id or unique prefix")->required();
  end->callback(
      [&context, words] { post_silence(context, "/v1/silences/" + url_encode(words->id) + "/end", Json::object()); });

  auto* test = command->add_subcommand("test", "send a marked test message to a receiver");
  test->add_option("receiver", words->id, "name of the receiver")->required();
  test->callback([&context, words] {
    auto answer = ask(context, "POST", "/v1/receivers/" + url_encode(words->id) + "/test", Json::object());
    if (!answer) {
      report(context, answer.error());
      return;
    }
    std::string out;
    for (const auto& line : (*answer)["items"]) {
      out += line.get<std::string>() + "\n";
      if (line.get<std::string>().find(": sent") == std::string::npos) context.exit_code = kFailed;
    }
    print(context.json() ? answer->dump(2) + "\n" : out);
  });
}

}  // namespace

void add_alerts(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "alerts", "pending, firing and lately resolved alerts; exit 3 or 4 while one fires. Explain, ack, silence, test");
  command->require_subcommand(0, 1);
  auto words = std::make_shared<Words>();
  auto* explain = command->add_subcommand("explain", "why an alert is what it is: values, series, causes, changes");
  explain->add_option("id", words->id, "id or unique prefix")->required();
  explain->add_option("--at", words->at, "as it was then: 2026-01-31T12:00:00Z, or seconds since 1970");
  explain->callback([&context, words] {
    const auto at = words->at.empty() ? std::string() : "?at=" + url_encode(words->at);
    ask_and_show(context, "/v1/alerts/" + url_encode(words->id) + at, show_explanation);
  });
  command->add_subcommand("silences", "what is kept quiet, and by whom")->callback([&context] {
    ask_and_show(context, "/v1/silences", [](const Json& list) {
      std::string out;
      for (const auto& silence : list["items"]) out += silence_line(silence) + "\n";
      print(out.empty() ? "no silences\n" : out);
    });
  });
  auto* outbox = command->add_subcommand("outbox", "messages that wait, were sent or were given up");
  outbox->add_option("--state", words->state, "queued, sent, dead or superseded")
      ->check(CLI::IsMember({"queued", "sent", "dead", "superseded"}));
  outbox->callback([&context, words] {
    ask_and_show(context, "/v1/notifications?state=" + words->state, [](const Json& list) {
      Table table({"RECEIVER", "GROUP", "KIND", "STATE", "ATTEMPTS", "CREATED", "LAST ERROR"});
      for (const auto& m : list["items"])
        table.add({cell(m, "receiver"), cell(m, "group_key"), cell(m, "kind"), cell(m, "state"), cell(m, "attempts"),
                   short_time(cell(m, "created_at")), cell(m, "last_error")});
      print(table.empty() ? "no messages\n" : table.render());
    });
  });
  add_acts(command, context, words);
  command->callback([command, &context] {
    if (command->get_subcommands().empty()) list_alerts(context);
  });
}

}  // namespace pgtend::cli
