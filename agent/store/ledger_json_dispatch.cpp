// The stored form of what the dispatcher remembers, and of silences.
#include "agent/model/matcher_text.hpp"
#include "agent/store/json_fields.hpp"
#include "agent/store/ledger_json.hpp"

namespace pgtend::store {

namespace {

using fields::Json;
using fields::labels;
using fields::moment;
using fields::read;

// Fingerprints use all 64 bits: as text, so that no reader takes them for a double.
std::uint64_t id_of(const std::string& text) {
  return std::stoull(text);
}

Json episodes(const std::vector<Episode>& list) {
  auto out = Json::array();
  for (const auto& each : list) out.push_back({moment(each.fired_at), moment(each.resolved_at)});
  return out;
}

std::vector<Episode> read_episodes(const Json& from) {
  std::vector<Episode> out;
  for (const auto& each : from) {
    Episode episode{from_ms(each.at(0).get<std::int64_t>()), std::nullopt};
    if (!each.at(1).is_null()) episode.resolved_at = from_ms(each.at(1).get<std::int64_t>());
    out.push_back(episode);
  }
  return out;
}

Json to_json(const GroupAlert& v) {
  Json out{{"alert", store::to_json(v.alert)}, {"ended", episodes(v.ended)}, {"more_ended", v.more_ended},
           {"digest_due", v.digest_due},       {"digested", v.digested},     {"release_at", moment(v.release_at)}};
  if (v.held_resolve) out["held_resolve"] = store::to_json(*v.held_resolve);
  return out;
}

void from_json(const Json& j, GroupAlert& v) {
  store::from_json(j.at("alert"), v.alert);
  v.ended = read_episodes(j.at("ended"));
  read(j, "more_ended", v.more_ended);
  read(j, "digest_due", v.digest_due);
  read(j, "digested", v.digested);
  read(j, "release_at", v.release_at);
  if (const auto held = j.find("held_resolve"); held != j.end()) store::from_json(*held, v.held_resolve.emplace());
}

Json to_json(const NotifiedAlert& v) {
  return {{"alert", store::to_json(v.alert)},
          {"earlier", episodes(v.earlier)},
          {"more_episodes", v.more_episodes},
          {"flapping", v.flapping}};
}

void from_json(const Json& j, NotifiedAlert& v) {
  store::from_json(j.at("alert"), v.alert);
  v.earlier = read_episodes(j.at("earlier"));
  read(j, "more_episodes", v.more_episodes);
  read(j, "flapping", v.flapping);
}

Json to_json(const ToldMemory& v) {
  auto firing = Json::array(), unsent = Json::array();
  for (const auto id : v.firing) firing.push_back(std::to_string(id));
  for (const auto& [id, alert] : v.unsent) unsent.push_back(to_json(alert));
  return {{"firing", firing},
          {"last_at", moment(v.last_at)},
          {"count", v.count},
          {"sequence", v.sequence},
          {"unsent", unsent}};
}

void from_json(const Json& j, ToldMemory& v) {
  for (const auto& id : j.at("firing")) v.firing.insert(id_of(id.get<std::string>()));
  read(j, "last_at", v.last_at);
  read(j, "count", v.count);
  read(j, "sequence", v.sequence);
  for (const auto& each : j.at("unsent")) {
    NotifiedAlert alert;
    from_json(each, alert);
    v.unsent.emplace(fingerprint(alert.alert.labels), std::move(alert));
  }
}

void from_json(const Json& j, AlertGroup& v) {
  read(j, "key", v.key);
  read(j, "route", v.route);
  read(j, "labels", v.labels);
  read(j, "next_flush", v.next_flush);
  read(j, "flushed", v.flushed);
  read(j, "firing_since", v.firing_since);
  read(j, "escalated", v.escalated);
  for (const auto& each : j.at("alerts")) {
    GroupAlert alert;
    from_json(each, alert);
    v.alerts.emplace(fingerprint(alert.alert.labels), std::move(alert));
  }
  for (const auto& [id, each] : j.at("told").items()) from_json(each, v.told[id]);
}

void from_json(const Json& j, std::map<std::uint64_t, FlapMemory>& v) {
  for (const auto& [id, each] : j.items()) {
    FlapMemory& memory = v[id_of(id)];
    for (const auto& at : each.at("transitions")) memory.transitions.push_back(from_ms(at.get<std::int64_t>()));
    read(each, "firing", memory.firing);
    read(each, "fired_at", memory.fired_at);
  }
}

void from_json(const Json& j, Silence& v) {
  read(j, "id", v.id);
  auto matchers = parse_matchers(j.at("matchers").get<std::string>());
  if (!matchers) throw std::invalid_argument(matchers.error().message);
  v.matchers = std::move(*matchers);
  read(j, "starts_at", v.starts_at);
  read(j, "ends_at", v.ends_at);
  read(j, "until_resolved", v.until_resolved);
  read(j, "created_by", v.created_by);
  read(j, "comment", v.comment);
  read(j, "ended_at", v.ended_at);
}

template <class T>
Result<T> parse(std::string_view text) {
  try {
    T value;
    from_json(Json::parse(text), value);
    return value;
  } catch (const std::exception& broken) {
    return fail(Errc::corrupt, std::string("a stored row does not read: ") + broken.what());
  }
}

}  // namespace

Json to_json(const AlertGroup& v) {
  auto alerts = Json::array(), told = Json::object();
  for (const auto& [id, alert] : v.alerts) alerts.push_back(to_json(alert));
  for (const auto& [id, memory] : v.told) told[id] = to_json(memory);
  return {{"key", v.key},
          {"route", v.route},
          {"labels", labels(v.labels)},
          {"next_flush", moment(v.next_flush)},
          {"flushed", v.flushed},
          {"firing_since", moment(v.firing_since)},
          {"escalated", v.escalated},
          {"alerts", alerts},
          {"told", told}};
}

Json to_json(const std::map<std::uint64_t, FlapMemory>& v) {
  auto out = Json::object();
  for (const auto& [id, memory] : v) {
    auto transitions = Json::array();
    for (const auto at : memory.transitions) transitions.push_back(moment(at));
    out[std::to_string(id)] = {
        {"transitions", transitions}, {"firing", memory.firing}, {"fired_at", moment(memory.fired_at)}};
  }
  return out;
}

Json to_json(const Silence& v) {
  return {{"id", v.id},
          {"matchers", to_string(v.matchers)},
          {"starts_at", moment(v.starts_at)},
          {"ends_at", moment(v.ends_at)},
          {"until_resolved", v.until_resolved},
          {"created_by", v.created_by},
          {"comment", v.comment},
          {"ended_at", moment(v.ended_at)}};
}

template <>
Result<AlertGroup> parse_stored(std::string_view text) {
  return parse<AlertGroup>(text);
}
template <>
Result<std::map<std::uint64_t, FlapMemory>> parse_stored(std::string_view text) {
  return parse<std::map<std::uint64_t, FlapMemory>>(text);
}
template <>
Result<Silence> parse_stored(std::string_view text) {
  return parse<Silence>(text);
}

}  // namespace pgtend::store
