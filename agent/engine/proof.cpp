#include "agent/engine/proof.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/api/json.hpp"
#include "agent/change/plan_hash.hpp"
#include "agent/change/verify/evidence_text.hpp"
#include "agent/change/verify/plan_shape.hpp"
#include "agent/store/proof_rows.hpp"

namespace pgtend::engine {

namespace {

using nlohmann::json;

constexpr const char* kSchema = "pgtend/proof/v1";
// Two machines may round the last digits of a logarithm in different ways.
constexpr double kSameNumber = 1e-6;

std::string spelled(const json& value) {
  return value.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

json encode(const store::ChangeRow& row) {
  return {{"id", row.id},
          {"state", row.state},
          {"final", row.final},
          {"created_at", row.created_at},
          {"updated_at", row.updated_at},
          {"body", row.body}};
}

store::ChangeRow read_change(const json& from) {
  const auto text = [&](const char* name) { return from.at(name).get<std::string>(); };
  return {text("id"), text("state"), text("final"), text("created_at"), text("updated_at"), text("body")};
}

json encode(const store::AuditRow& row) {
  const auto& e = row.entry;
  return {{"sequence", e.sequence},
          {"at_ms", to_ms(e.at)},
          {"actor", e.actor},
          {"action", e.action},
          {"subject", e.subject},
          {"before", e.before},
          {"after", e.after},
          {"result", e.result},
          {"row_digest", row.row_digest},
          {"hash", e.hash},
          {"previous_hash", e.previous_hash}};
}

store::AuditRow read_audit(const json& from) {
  const auto text = [&](const char* name) { return from.at(name).get<std::string>(); };
  store::AuditRow out;
  out.entry = {from.at("sequence").get<std::int64_t>(),
               from_ms(from.at("at_ms").get<std::int64_t>()),
               text("actor"),
               text("action"),
               text("subject"),
               text("before"),
               text("after"),
               text("result"),
               text("previous_hash"),
               text("hash")};
  out.row_digest = text("row_digest");
  return out;
}

// What led to the change, while the ledger remembers it.
json advice_of(store::Ledger& ledger, const std::string& recommendation_id) {
  if (recommendation_id.empty()) return nullptr;
  const auto stored = ledger.get_recommendation(recommendation_id);
  return stored ? api::encode(stored->recommendation) : json();
}

// A proof's parts, read back.
struct Parts {
  json content;
  store::ChangeRow row;
  Change change;
  std::string evidence;
  std::vector<store::AuditRow> audit;
};

class Verification {
 public:
  explicit Verification(const Parts& parts) : parts_(parts) {}

  ProofReport run() {
    out_.whole = true;
    check_chain();
    check_change();
    check_plan();
    check_explained();
    check_evidence();
    out_.ok = true;
    for (const auto& check : out_.checks) out_.ok = out_.ok && check.ok;
    out_.whole = out_.whole && out_.ok;
    return std::move(out_);
  }

 private:
  void note(std::string what, const std::string& wrong, std::string right) {
    out_.checks.push_back({std::move(what), wrong.empty(), wrong.empty() ? std::move(right) : wrong});
  }

  void check_chain() {
    std::string wrong, previous;
    std::int64_t expected = 0;
    for (const auto& row : parts_.audit) {
      const auto name = "row " + std::to_string(row.entry.sequence);
      if (store::hash_of(row) != row.entry.hash) wrong = name + " was changed: its content does not give its hash";
      if (wrong.empty() && expected != 0 && row.entry.sequence != expected) wrong = name + " does not belong there";
      if (wrong.empty() && expected != 0 && row.entry.previous_hash != previous)
        wrong = name + " does not follow the row before it";
      if (!wrong.empty()) break;
      previous = row.entry.hash;
      expected = row.entry.sequence + 1;
    }
    if (parts_.audit.empty()) wrong = "no row of the audit is in the file";
    const auto& head = parts_.content.at("head");
    out_.head_sequence = head.at("sequence").get<std::int64_t>();
    out_.head_hash = head.at("hash").get<std::string>();
    if (wrong.empty() && out_.head_sequence == expected - 1 && out_.head_hash != previous)
      wrong = "the head of the audit has another hash than its last row";
    note("audit chain", wrong, std::to_string(parts_.audit.size()) + " rows, each hashed with the one before");
  }

  void check_change() {
    const auto digest = store::digest_of(parts_.row);
    std::string last;
    std::int64_t sequence = 0;
    for (const auto& row : parts_.audit)
      if (row.row_digest.starts_with(parts_.row.id + " ")) {
        last = row.row_digest;
        sequence = row.entry.sequence;
      }
    const auto name = "row " + std::to_string(sequence);
    std::string wrong;
    if (last.empty()) wrong = "no row of the audit vouches for the change";
    if (wrong.empty() && last != digest) wrong = "the change is not as " + name + " of the audit left it";
    if (wrong.empty() && (parts_.change.id != parts_.row.id || to_string(parts_.change.state) != parts_.row.state))
      wrong = "its columns contradict its body";
    if (wrong.empty() && parts_.content.at("readable") != api::encode(parts_.change))
      wrong = "what is written for people is not what is stored";
    note("change", wrong, "as " + name + " of the audit left it");
  }

  void check_plan() {
    const auto& change = parts_.change;
    const bool same = change::plan_hash(change.plan) == change.plan_hash;
    note("plan", same ? "" : "the statements do not give the hash that was approved",
         std::to_string(change.plan.sql_up.size()) + " statements, and " + std::to_string(change.plan.sql_down.size()) +
             " back, have the hash that was approved");
  }

  // The plans that the server had for the target statements before and after. The audit vouches for what they are.
  void check_explained() {
    const auto of = [](const std::string& evidence) {
      const auto json = json::parse(evidence, nullptr, false);
      return json.is_object() ? json.value("plans", json::object()) : json::object();
    };
    const auto before = of(parts_.change.evidence_before), after = of(parts_.change.evidence_after);
    std::string wrong;
    for (const auto& plans : {before, after})
      if (wrong.empty()) wrong = change::flaw_of_plans(plans.dump());
    const auto targets = json::parse(parts_.change.evidence_before, nullptr, false);
    for (const auto& plans : {before, after})
      for (const auto& [id, plan] : plans.items()) {
        const auto named = targets.value("targets", json::array());
        const auto is_it = [&, &wanted = id](const json& each) { return each.dump() == wanted; };
        if (wrong.empty() && std::none_of(named.begin(), named.end(), is_it))
          wrong = "statement " + id + " is none of those that the change was judged by";
      }
    auto found = std::to_string(before.size()) + " before and " + std::to_string(after.size()) + " after";
    for (const auto& line : change::changed_plans(before.dump(), after.dump())) found += "; " + line;
    note("explained", wrong, before.empty() && after.empty() ? "no plan was looked at" : found);
  }

  void check_evidence() {
    const auto& verdict = parts_.change.verdict;
    if (!verdict || !is_measured(*verdict)) {
      note("verdict", "", verdict ? "not measured: " + verdict->explanation : "none");
      return;
    }
    const auto after = json::parse(parts_.change.evidence_after, nullptr, false);
    const auto promised = after.is_object() ? after.value("sha256", std::string()) : std::string();
    if (parts_.evidence.empty() && promised.empty()) {
      out_.whole = false;
      note("verdict", "", "cannot be computed anew: its evidence was not kept");
      return;
    }
    const bool same = store::sha256_of(parts_.evidence) == promised;
    note("evidence", same ? "" : "is not what the change was judged by", "has the hash that the change names");
    const auto evidence = change::parse_evidence(parts_.evidence);
    if (!evidence) return note("verdict", evidence.error().describe(), "");
    note("verdict", difference(*verdict, change::judge(*evidence)), "computed anew: " + verdict->explanation);
  }

  static std::string difference(const Verdict& stored, const Verdict& found) {
    const auto apart = [](double a, double b) {
      return a != b && !(std::abs(a - b) <= kSameNumber * std::max(std::abs(a), std::abs(b)));
    };
    if (stored.kind != found.kind)
      return "the evidence gives " + std::string(to_string(found.kind)) + " (" + found.explanation + "), not " +
             std::string(to_string(stored.kind));
    if (apart(stored.effect, found.effect) || apart(stored.p_value, found.p_value))
      return "the evidence gives other numbers: " + found.explanation;
    if (stored.test != found.test || stored.metric != found.metric || stored.windows_before != found.windows_before ||
        stored.windows_after != found.windows_after || stored.before_from != found.before_from ||
        stored.after_to != found.after_to)
      return "the evidence gives another test: " + found.explanation;
    return {};
  }

  const Parts& parts_;
  ProofReport out_;
};

Result<Parts> read_parts(const json& content) {
  Parts out;
  out.content = content;
  try {
    out.row = read_change(content.at("change"));
    out.evidence = content.at("evidence").get<std::string>();
    for (const auto& row : content.at("audit")) out.audit.push_back(read_audit(row));
    content.at("head").at("sequence").get<std::int64_t>();
    content.at("head").at("hash").get<std::string>();
    content.at("readable").type_name();
  } catch (const json::exception&) {
    return fail(Errc::parse, "a part of the proof is missing or of another form");
  }
  auto change = store::change_of(out.row);
  if (!change) return fail(Errc::parse, "the change in the proof cannot be read: " + change.error().describe());
  out.change = std::move(*change);
  return out;
}

}  // namespace

Result<std::string> make_proof(store::Ledger& ledger, const std::string& id, const ProofOrigin& origin) {
  auto rows = ledger.proof_rows(id);
  if (!rows) return fail(std::move(rows.error()));
  auto change = store::change_of(rows->change);
  if (!change) return fail(std::move(change.error()));
  auto audit = json::array();
  for (const auto& row : rows->audit) audit.push_back(encode(row));
  const json content{{"made_at", to_rfc3339(origin.made_at)},
                     {"version", origin.version},
                     {"instance", origin.instance},
                     {"readable", api::encode(*change)},
                     {"advice", advice_of(ledger, change->recommendation_id)},
                     {"change", encode(rows->change)},
                     {"evidence", rows->evidence},
                     {"audit", std::move(audit)},
                     {"head", {{"sequence", rows->head_sequence}, {"hash", rows->head_hash}}}};
  return spelled({{"schema", kSchema}, {"sha256", store::sha256_of(spelled(content))}, {"content", content}});
}

Result<ProofReport> verify_proof(const std::string& text) {
  const auto file = json::parse(text, nullptr, false);
  if (!file.is_object() || !file.contains("schema") || !file.contains("content"))
    return fail(Errc::parse, "this is no proof of pgtend, or it was cut off");
  if (file["schema"] != kSchema)
    return fail(Errc::parse,
                "this proof has another form than " + std::string(kSchema) + "; use the pgtend of its time");
  const auto& content = file["content"];
  auto parts = read_parts(content);
  if (!parts) return fail(std::move(parts.error()));
  auto out = Verification(*parts).run();
  const bool spelling = spelled(file) == text;
  const bool sum = file.value("sha256", json()) == store::sha256_of(spelled(content));
  out.checks.insert(out.checks.begin(),
                    {"file", spelling && sum,
                     spelling && sum ? "its content has its hash"
                                     : std::string(sum ? "it is spelled in another way than it was made"
                                                       : "its content does not give its hash")});
  out.ok = out.ok && spelling && sum;
  out.whole = out.whole && out.ok;
  out.change_id = parts->change.id;
  out.state = to_string(parts->change.state);
  out.object = parts->change.plan.object;
  if (parts->change.verdict) out.verdict = to_string(parts->change.verdict->kind);
  const auto told = [&](const char* name) { return content.value(name, std::string()); };
  out.instance = told("instance");
  out.version = told("version");
  out.made_at = told("made_at");
  return out;
}

}  // namespace pgtend::engine
