#include "agent/change/verify/evidence_text.hpp"

#include <array>
#include <nlohmann/json.hpp>

namespace pgtend::change {
namespace {

using Json = nlohmann::json;

// Every option that a verdict depends on, once; `visit` is called with its name and a reference to it.
template <class Options, class Visit>
void visit_options(Options& options, const Visit& visit) {
  visit("window", options.window);
  visit("block", options.block);
  visit("before", options.before);
  visit("after", options.after);
  visit("warm_up", options.warm_up);
  visit("max_observe", options.max_observe);
  visit("min_windows", options.min_windows);
  visit("min_calls", options.min_calls);
  visit("min_control", options.min_control);
  visit("effect_blocks", options.effect_blocks);
  visit("effect_time", options.effect_time);
  visit("effect_wal_alone", options.effect_wal_alone);
  visit("p_value", options.p_value);
  visit("veto_share", options.veto_share);
  visit("veto_ratio", options.veto_ratio);
  visit("guard_ratio", options.guard_ratio);
  visit("max_reset_share", options.max_reset_share);
  visit("outweighed", options.outweighed);
  visit("cusum_k", options.cusum_k);
  visit("cusum_h", options.cusum_h);
  visit("cusum_min_windows", options.cusum_min_windows);
  visit("cusum_effect", options.cusum_effect);
  visit("cusum_p_value", options.cusum_p_value);
  visit("undo_no_effect", options.undo_no_effect);
}

Json value_of(Millis value) {
  return value.count();
}
template <class T>
Json value_of(T value) {
  return value;
}
void read_value(const Json& from, Millis& to) {
  to = Millis(from.get<std::int64_t>());
}
template <class T>
void read_value(const Json& from, T& to) {
  to = from.get<T>();
}

// [start ms, length ms, reset, [[queryid, calls, exec ms, buffers, WAL bytes, rows, exec ms²], …]]
constexpr std::array kCounts{&StatementCounts::calls,     &StatementCounts::exec_ms, &StatementCounts::buffers,
                             &StatementCounts::wal_bytes, &StatementCounts::rows,    &StatementCounts::exec_squares};

Json windows_json(const std::vector<StatementWindow>& windows) {
  auto out = Json::array();
  for (const auto& window : windows) {
    auto statements = Json::array();
    for (const auto& [id, counts] : window.statements) {
      auto row = Json::array({id});
      for (const auto member : kCounts) row.push_back(counts.*member);
      statements.push_back(std::move(row));
    }
    out.push_back(Json::array({to_ms(window.start), window.length.count(), window.reset, std::move(statements)}));
  }
  return out;
}

std::vector<StatementWindow> read_windows(const Json& from) {
  std::vector<StatementWindow> out;
  for (const auto& item : from) {
    StatementWindow window{
        from_ms(item.at(0).get<std::int64_t>()), Millis(item.at(1).get<std::int64_t>()), {}, item.at(2).get<bool>()};
    for (const auto& row : item.at(3)) {
      auto& counts = window.statements[row.at(0).get<std::int64_t>()];
      for (std::size_t i = 0; i < kCounts.size(); ++i) counts.*kCounts[i] = row.at(i + 1).get<double>();
    }
    out.push_back(std::move(window));
  }
  return out;
}

}  // namespace

std::string evidence_text(const VerdictEvidence& evidence) {
  auto options = Json::object();
  visit_options(evidence.options, [&](const char* name, const auto& value) { options[name] = value_of(value); });
  const auto& sets = evidence.sets;
  return Json{{"options", std::move(options)},
              {"targets", sets.targets},
              {"writes", sets.writes},
              {"controls", sets.controls},
              {"before", windows_json(evidence.before)},
              {"after", windows_json(evidence.after)},
              {"season_before", windows_json(evidence.season.before)},
              {"season_after", windows_json(evidence.season.after)}}
      .dump();
}

Result<VerdictEvidence> parse_evidence(const std::string& text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(Errc::parse, "the evidence is no JSON object");
  VerdictEvidence out;
  std::string part = "options";
  try {
    visit_options(out.options, [&](const char* name, auto& value) {
      part = std::string("options.") + name;
      read_value(json.at("options").at(name), value);
    });
    for (const auto& [name, ids] : {std::pair{"targets", &out.sets.targets}, std::pair{"writes", &out.sets.writes},
                                    std::pair{"controls", &out.sets.controls}}) {
      part = name;
      *ids = json.at(name).get<std::vector<std::int64_t>>();
    }
    for (const auto& [name, windows] :
         {std::pair{"before", &out.before}, std::pair{"after", &out.after},
          std::pair{"season_before", &out.season.before}, std::pair{"season_after", &out.season.after}}) {
      part = name;
      *windows = read_windows(json.at(name));
    }
  } catch (const Json::exception&) {
    return fail(Errc::parse, "the evidence's part \"" + part + "\" is missing or of another form");
  }
  return out;
}

}  // namespace pgtend::change
