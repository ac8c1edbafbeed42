#include "agent/store/series_index.hpp"

#include <algorithm>
#include <unordered_map>

namespace pgtend::store {

namespace {

// Matchers of one query; each is evaluated once per distinct pair.
class Selection {
 public:
  explicit Selection(const std::vector<Matcher>& matchers) {
    for (const auto& matcher : matchers) {
      if (matcher.label() == kNameLabel) {
        names_.push_back(&matcher);
      } else {
        labels_.push_back({&matcher, matcher.matches(std::string_view()), {}});
      }
    }
  }

  [[nodiscard]] bool name(std::string_view name) const {
    return std::all_of(names_.begin(), names_.end(), [&](const Matcher* m) { return m->matches(name); });
  }

  bool labels(const SeriesName& name) {
    return std::all_of(labels_.begin(), labels_.end(), [&](OnLabel& wanted) {
      const LabelPair* pair = nullptr;
      for (const auto& own : name.pairs)
        if (own->name == wanted.matcher->label()) pair = own.get();
      if (pair == nullptr) return wanted.without;
      const auto [known, fresh] = wanted.answers.try_emplace(pair, false);
      if (fresh) known->second = wanted.matcher->matches(pair->value);
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
    bool without;  // the answer where the label is absent
    std::unordered_map<const LabelPair*, bool> answers;
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
      if (selection.labels(*series->name)) out.push_back(series);
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
    auto& of_name = edit(series->name->metric());
    const auto it = std::lower_bound(of_name.begin(), of_name.end(), series, by_id);
    if (it != of_name.end() && (*it)->id == series->id) of_name.erase(it);
  }
  for (const auto& series : added) {
    auto& of_name = edit(series->name->metric());
    const auto it = std::lower_bound(of_name.begin(), of_name.end(), series, by_id);
    if (it != of_name.end() && (*it)->id == series->id) {
      *it = series;
    } else {
      of_name.insert(it, series);
    }
  }
  for (auto& [name, of_name] : changed) {
    if (of_name->empty()) {
      next->by_name_.erase(std::string(name));
    } else {
      next->by_name_.insert_or_assign(std::string(name), std::move(of_name));
    }
  }
  return next;
}

}  // namespace pgtend::store
