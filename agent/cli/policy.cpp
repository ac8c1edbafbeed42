#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/policy_text.hpp"
#include "agent/config/files.hpp"

namespace pgtend::cli {

namespace {

// What a person asks about, as the options give it.
struct Question {
  std::string id, plan_file, action, database, object, bytes, seconds, wal_bytes, risk, policy_file;
};

Result<Json> read_json(const std::string& file) {
  const auto text = config::read_text(file);
  if (!text) return fail(text.error());
  auto parsed = Json::parse(*text, nullptr, false);
  if (parsed.is_discarded()) return fail(Errc::invalid_argument, file + " is not JSON");
  return parsed;
}

Result<Json> policy_field(const std::string& file) {
  const auto text = config::read_text(file);
  if (!text) return fail(text.error());
  return Json{{"file", file}, {"text", *text}};
}

Result<void> add_cost(Json& body, const Question& question) {
  for (const auto& [name, text] : {std::pair{"bytes", question.bytes}, std::pair{"wal_bytes", question.wal_bytes}}) {
    if (text.empty()) continue;
    const auto bytes = parse_bytes(text);
    if (!bytes) return fail(bytes.error());
    body[name] = *bytes;
  }
  if (question.seconds.empty()) return {};
  const auto time = parse_duration(question.seconds);
  if (!time) return fail(time.error());
  body["seconds"] = static_cast<double>(time->count()) / 1000;
  return {};
}

Result<Json> body_of(const Question& question) {
  auto body = Json::object();
  if (!question.id.empty()) body["id"] = question.id;
  if (!question.plan_file.empty()) {
    const auto plan = read_json(question.plan_file);
    if (!plan) return fail(plan.error());
    body["plan"] = *plan;
  }
  if (!question.action.empty()) {
    body["action"] = question.action;
    body["database"] = question.database;
    body["object"] = question.object;
    if (auto cost = add_cost(body, question); !cost) return fail(cost.error());
  }
  if (!question.risk.empty()) body["risk"] = question.risk;
  if (!question.policy_file.empty()) {
    auto policy = policy_field(question.policy_file);
    if (!policy) return fail(policy.error());
    body["policy"] = std::move(*policy);
  }
  return body;
}

void simulate(Context& context, const Question& question) {
  const auto body = body_of(question);
  if (!body) return report(context, body.error());
  const auto answer = ask(context, "POST", "/v1/policy/simulate", *body);
  if (!answer) return report(context, answer.error());
  const auto& item = (*answer)["item"];
  print(context.json() ? answer->dump(2) + "\n" : simulation_text(item));
  const auto kind = cell(item["decision"], "kind");
  if (kind == "refused" || kind == "recommend") context.exit_code = kRefused;
}

void backtest(Context& context, const std::string& since, const std::string& policy_file) {
  Json body{{"since", since}};
  if (!policy_file.empty()) {
    auto policy = policy_field(policy_file);
    if (!policy) return report(context, policy.error());
    body["policy"] = std::move(*policy);
  }
  const auto answer = ask(context, "POST", "/v1/policy/backtest", body);
  if (!answer) return report(context, answer.error());
  const auto& item = (*answer)["item"];
  print(context.json() ? answer->dump(2) + "\n" : policy_backtest_text(item));
  if (item.value("undone", 0) > 0) context.exit_code = kWarnings;
}

}  // namespace

void add_policy(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("policy", "what pgtend may do by itself: show it, or ask it about one change");
  command->require_subcommand(0, 1);
  auto show = [&context] {
    ask_and_show(context, "/v1/policy", [](const Json& answer) { print(policy_text(answer["item"])); });
  };
  command->add_subcommand("show", "modes, windows, budgets with what is spent, what rests, what is trusted")
      ->callback(show);
  auto question = std::make_shared<Question>();
  auto* sub = command->add_subcommand(
      "simulate", "what policy says of one change and when it could run; exit 5 when it would not let it happen");
  auto* id = sub->add_option("id", question->id, "id or unique prefix of a recommendation or a change");
  auto* plan = sub->add_option("--plan", question->plan_file, "a plan as the API takes it")->type_name("FILE");
  auto* action =
      sub->add_option("--class", question->action, "a class instead: create_index, vacuum, system_setting, …");
  id->excludes(plan)->excludes(action);
  plan->excludes(action);
  auto* object =
      sub->add_option("--object", question->object, "of that class: public.orders, role app, setting work_mem");
  action->needs(object);
  sub->add_option("--database", question->database, "where the object is")->needs(action);
  sub->add_option("--bytes", question->bytes, "disk that it keeps, like 200MB")->needs(action);
  sub->add_option("--seconds", question->seconds, "how long it runs, like 30s")->needs(action);
  sub->add_option("--wal", question->wal_bytes, "WAL that it writes, like 1GB")->needs(action);
  sub->add_option("--risk", question->risk, "low (the default), medium or high")
      ->check(CLI::IsMember({"low", "medium", "high"}));
  sub->add_option("--policy", question->policy_file, "ask the policy of this configuration file instead")
      ->type_name("FILE");
  sub->callback([&context, question, sub] {
    if (question->id.empty() && question->plan_file.empty() && question->action.empty())
      throw CLI::RequiredError(sub->get_name() + ": an id, --plan or --class");
    simulate(context, *question);
  });
  command->callback([command, show] {
    if (command->get_subcommands().empty()) show();
  });
}

void add_backtest(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("backtest", "replay the past without touching anything");
  command->require_subcommand(1);
  auto since = std::make_shared<std::string>("30d");
  auto file = std::make_shared<std::string>();
  auto* policy = command->add_subcommand("policy",
                                         "what a policy would have done with what was proposed, when, at what cost; "
                                         "exit 3 when it would have run something that was undone");
  policy->add_option("--since", *since, "how far to look back")->capture_default_str();
  policy->add_option("--policy", *file, "configuration file with the policy (default: the loaded one)")
      ->type_name("FILE");
  policy->callback([&context, since, file] { backtest(context, *since, *file); });
}

}  // namespace pgtend::cli
