#include "agent/store/series_index.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace pgtend::store {

namespace {

constexpr std::string_view kNameLabel = "__name__";

// Matchers of one query; each is evaluated once per distinct value of its label.
class Selection {
 public:
  explicit Selection(const std::vector<Matcher>& matchers) {
    for (const auto& matcher : matchers) {
      if (matcher.label() == kNameLabel) {
        names_.push_back(&matcher);
      } else {
        labels_.push_back({&matcher, {}});
      }
    }
  }

  [[nodiscard]] bool name(std::string_view name) const {
    return std::all_of(names_.begin(), names_.end(), [&](const Matcher* m) { return m->matches(name); });
  }

  bool labels(const SeriesKey& key) {
    return std::all_of(labels_.begin(), labels_.end(), [&](auto& matched) {
      const auto value = key.labels.get(matched.matcher->label());
      const auto [known, fresh] = matched.answers.try_emplace(value, false);
      if (fresh) known->second = matched.matcher->matches(value);
      return known->second;
    });
  }

  // The one name asked for by equality, if any.
  [[nodiscard]] const std::string* exact_name() const {
    for (const auto* m : names_)
      if (m->op() == MatchOp::equal) return &m->value();
    return nullptr;
  }

 private:
  struct OnLabel {
    const Matcher* matcher;
    std::unordered_map<std::string_view, bool> answers;  // views into the index, which outlives the query
  };
  std::vector<const Matcher*> names_;
  std::vector<OnLabel> labels_;
};

bool by_id(const SeriesPtr& a, const SeriesPtr& b) {
  return a->id < b->id;
}

}  // namespace

std::vector<SeriesPtr> SeriesIndex::select(const std::vector<Matcher>& matchers) const {
  Selection selection(matchers);
  std::vector<SeriesPtr> out;
  const auto take = [&](const std::string& name, const OneName& of_name) {
    if (!selection.name(name)) return;
    for (const auto& series : of_name)
      if (selection.labels(series->key)) out.push_back(series);
  };
  if (const auto* exact = selection.exact_name(); exact != nullptr) {
    if (const auto it = by_name_.find(*exact); it != by_name_.end()) take(it->first, *it->second);
  } else {
    for (const auto& [name, of_name] : by_name_) take(name, *of_name);
  }
  std::sort(out.begin(), out.end(), by_id);
  return out;
}

std::shared_ptr<const SeriesIndex> SeriesIndex::with(const std::vector<SeriesPtr>& added,
                                                     const std::vector<SeriesPtr>& removed) const {
  auto next = std::make_shared<SeriesIndex>(*this);
  std::map<std::string_view, std::shared_ptr<OneName>> changed;
  const auto edit = [&](const std::string& name) -> OneName& {
    auto& mine = changed[name];
    if (!mine) {
      const auto it = by_name_.find(name);
      mine = it != by_name_.end() ? std::make_shared<OneName>(*it->second) : std::make_shared<OneName>();
    }
    return *mine;
  };
  for (const auto& series : removed) {
    auto& of_name = edit(series->key.name);
    std::erase_if(of_name, [&](const SeriesPtr& other) { return other->id == series->id; });
  }
  for (const auto& series : added) edit(series->key.name).push_back(series);
  for (auto& [name, of_name] : changed) {
    if (of_name->empty()) {
      next->by_name_.erase(std::string(name));
    } else {
      next->by_name_.insert_or_assign(std::string(name), std::move(of_name));
    }
  }
  return next;
}

std::string labels_to_text(const Labels& labels) {
  auto object = nlohmann::json::object();
  for (const auto& [name, value] : labels) object[name] = value;
  // PostgreSQL names need not be UTF-8 (SQL_ASCII); such bytes are replaced instead of thrown at.
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Labels labels_from_text(std::string_view text) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  std::vector<Label> out;
  if (object.is_object())
    for (const auto& [name, value] : object.items())
      if (value.is_string()) out.emplace_back(name, value.get<std::string>());
  return Labels(std::move(out));
}

}  // namespace pgtend::store
