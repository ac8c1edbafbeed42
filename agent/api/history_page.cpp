#include "agent/api/history_page.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace pgtend::api {

namespace {

using Json = nlohmann::json;

Result<Matcher> equal(const std::string& label, const std::string& value) {
  return Matcher::make(label, MatchOp::equal, value);
}

Result<std::set<SeriesKey>> all_keys(HistoryReader& reader, const std::vector<std::vector<Matcher>>& selectors,
                                     TimeRange range) {
  std::set<SeriesKey> out;
  for (const auto& matchers : selectors) {
    auto keys = reader.series(matchers, range);
    if (!keys) return fail(std::move(keys.error()));
    out.insert(std::make_move_iterator(keys->begin()), std::make_move_iterator(keys->end()));
  }
  return out;
}

using KeyIterator = std::set<SeriesKey>::const_iterator;

// Builds one page; every step adds whole series or stops with a cursor.
class Filling {
 public:
  Filling(HistoryReader& reader, const std::set<SeriesKey>& keys, TimeRange range,
          const std::optional<PageCursor>& start)
      : reader_(reader), keys_(keys), range_(range) {
    at_ = start ? keys_.lower_bound(start->series) : keys_.begin();
    from_ = start && at_ != keys_.end() && *at_ == start->series ? start->from : range.from;
    page_.starts_new_metric = !start || start->is_new_metric || at_ == keys_.end() || at_->name != start->series.name;
  }

  Result<HistoryPage> fill() {
    while (at_ != keys_.end() && samples_ < kPageSamples) {
      auto taken = from_ == range_.from ? take_metric() : Result<bool>(false);
      if (taken && !*taken) taken = take_part();
      if (!taken) return fail(std::move(taken.error()));
    }
    if (at_ != keys_.end()) {
      const bool begun = !page_.series.empty() && page_.series.back().key.name == at_->name;
      page_.next = PageCursor{*at_, from_, !begun && !continues()};
    }
    return std::move(page_);
  }

 private:
  [[nodiscard]] bool continues() const { return page_.series.empty() && !page_.starts_new_metric; }

  void add(SeriesData data) {
    samples_ += data.samples.size();
    if (!data.samples.empty()) page_.series.push_back(std::move(data));
  }

  // The rest of a metric's series in one read; false when that is too much for a page.
  Result<bool> take_metric() {
    const auto name = at_->name;
    auto named = equal("__name__", name);
    if (!named) return fail(std::move(named.error()));
    auto found = reader_.select({*named}, range_, kPageSamples);
    if (!found && found.error().code == Errc::resource_exhausted) return false;
    if (!found) return fail(std::move(found.error()));
    std::sort(found->begin(), found->end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    for (auto& data : *found)
      if (!(data.key < *at_) && keys_.contains(data.key)) add(std::move(data));
    while (at_ != keys_.end() && at_->name == name) ++at_;
    return true;
  }

  // One series, or as much of it as a page holds.
  Result<bool> take_part() {
    std::vector<Matcher> matchers;
    auto named = equal("__name__", at_->name);
    if (!named) return fail(std::move(named.error()));
    matchers.push_back(std::move(*named));
    for (const auto& [label, value] : at_->labels) {
      auto matcher = equal(label, value);
      if (!matcher) return fail(std::move(matcher.error()));
      matchers.push_back(std::move(*matcher));
    }
    UtcTime to = range_.to;
    while (true) {
      auto found = reader_.select(matchers, {from_, to}, kPageSamples);
      if (!found && found.error().code == Errc::resource_exhausted && to > from_) {
        to = from_ + (to - from_) / 2;
        continue;
      }
      if (!found) return fail(std::move(found.error()));
      for (auto& data : *found)
        if (data.key == *at_) add(std::move(data));
      break;
    }
    from_ = to + Millis(1);
    if (to >= range_.to) {
      ++at_;
      from_ = range_.from;
    }
    return true;
  }

  HistoryReader& reader_;
  const std::set<SeriesKey>& keys_;
  TimeRange range_;
  KeyIterator at_;
  UtcTime from_;
  std::size_t samples_ = 0;
  HistoryPage page_;
};

}  // namespace

std::string to_text(const PageCursor& cursor) {
  auto labels = Json::object();
  for (const auto& [name, value] : cursor.series.labels) labels[name] = value;
  return Json{cursor.series.name, labels, to_ms(cursor.from), cursor.is_new_metric}.dump(
      -1, ' ', true, Json::error_handler_t::replace);
}

std::optional<PageCursor> parse_cursor(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_array() || json.size() != 4 || !json[0].is_string() || !json[1].is_object() ||
      !json[2].is_number_integer() || !json[3].is_boolean())
    return std::nullopt;
  PageCursor out;
  out.series.name = json[0].get<std::string>();
  for (const auto& [name, value] : json[1].items()) {
    if (!value.is_string()) return std::nullopt;
    out.series.labels.set(name, value.get<std::string>());
  }
  out.from = from_ms(json[2].get<std::int64_t>());
  out.is_new_metric = json[3].get<bool>();
  return out;
}

Result<HistoryPage> read_page(HistoryReader& reader, const std::vector<std::vector<Matcher>>& selectors,
                              TimeRange range, const std::optional<PageCursor>& cursor) {
  auto keys = all_keys(reader, selectors.empty() ? std::vector<std::vector<Matcher>>(1) : selectors, range);
  if (!keys) return fail(std::move(keys.error()));
  return Filling(reader, *keys, range, cursor).fill();
}

}  // namespace pgtend::api
