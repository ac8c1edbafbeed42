#include "agent/api/board_slots.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "agent/base/strings.hpp"

namespace pgtend::api {

bool Slot::is_stale(UtcTime now) const {
  return shown->interval.count() > 0 && now - shown->taken_at > stale_after(shown->interval, shown->duration);
}

namespace {

bool same_series(const Snapshot& a, const Snapshot& b) {
  return std::equal(a.samples.begin(), a.samples.end(), b.samples.begin(), b.samples.end(),
                    [](const SeriesSample& x, const SeriesSample& y) { return x.key == y.key; });
}

}  // namespace

void BoardSlots::lay_out(Slot& slot) {
  slot.families.clear();
  const auto& samples = slot.shown->samples;
  for (std::size_t i = 0; i < samples.size(); ++i)
    slot.families[samples[i].key->name].lines.push_back(BoardLine{i, to_string(samples[i].key) + " ", true});
  for (auto& [name, block] : slot.families)
    std::stable_sort(block.lines.begin(), block.lines.end(),
                     [](const BoardLine& a, const BoardLine& b) { return a.prefix < b.prefix; });
}

void BoardSlots::format(Slot& slot) {
  slot.formatted = true;
  for (auto& [name, block] : slot.families) {
    block.text.clear();
    for (const auto& line : block.lines) {
      const double value = slot.shown->samples[line.sample].value;
      if (!line.visible || pgtend::is_stale(value)) continue;
      block.text += line.prefix;
      block.text += format_double(value);
      block.text += '\n';
    }
  }
}

void BoardSlots::put(const SlotKey& key, SnapshotPtr snapshot) {
  auto& slot = slots_[key];
  const bool same = slot.shown && same_series(*slot.shown, *snapshot);
  slot.shown = std::move(snapshot);
  slot.formatted = false;
  ++slot.uncounted;
  if (same) return;
  lay_out(slot);
  decided_ = false;
}

void BoardSlots::erase(const SlotKey& key) {
  if (slots_.erase(key) > 0) decided_ = false;
}

std::size_t BoardSlots::visible() {
  decide_visible();
  return visible_;
}

BoardSlots::LeftOut BoardSlots::take_left_out() {
  decide_visible();
  LeftOut out;
  for (auto& [key, slot] : slots_) {
    out.duplicates += slot.duplicates * slot.uncounted;
    out.dropped += slot.dropped * slot.uncounted;
    slot.uncounted = 0;
  }
  return out;
}

const Slot* BoardSlots::find(const SlotKey& key) const {
  const auto found = slots_.find(key);
  return found == slots_.end() ? nullptr : &found->second;
}

// Does something only when the set of series changed, so what is visible does not flicker from scrape to scrape.
void BoardSlots::decide_visible() {
  if (std::exchange(decided_, true)) return;
  families_.clear();
  for (auto& [key, slot] : slots_) {
    slot.duplicates = slot.dropped = 0;
    for (auto& [name, block] : slot.families) families_[name].push_back(Place{&slot, &block});
  }
  std::map<std::string_view, std::size_t> sizes;
  visible_ = 0;
  for (const auto& [name, places] : families_) visible_ += sizes[name] = want_each_once(places);
  if (visible_ > max_series_) fit(sizes);
  for (const auto& [name, places] : families_) show_wanted(places);
}

// How many series a family has. Lines of one series follow each other in a slot; only where several slots have the
// family they are looked for all over it.
std::size_t BoardSlots::want_each_once(const std::vector<Place>& places) {
  std::unordered_set<std::string_view> seen;
  std::size_t size = 0;
  for (const auto& place : places) {
    const std::string* before = nullptr;
    for (auto& line : place.block->lines) {
      line.wanted =
          (before == nullptr || *before != line.prefix) && (places.size() == 1 || seen.insert(line.prefix).second);
      before = &line.prefix;
      ++(line.wanted ? size : place.slot->duplicates);
    }
  }
  return size;
}

// Text that stays as it is need not be made again.
void BoardSlots::show_wanted(const std::vector<Place>& places) {
  for (const auto& place : places)
    for (auto& line : place.block->lines)
      if (std::exchange(line.visible, line.wanted) != line.wanted) place.slot->formatted = false;
}

// The largest families are cut to one common size, so that a thousand tables cannot push out the handful of series that
// say whether the server is up.
void BoardSlots::fit(const std::map<std::string_view, std::size_t>& sizes) {
  std::vector<std::size_t> ascending;
  for (const auto& [name, size] : sizes) ascending.push_back(size);
  std::sort(ascending.begin(), ascending.end());
  std::size_t room = max_series_, left = ascending.size(), keep = 0;
  for (const auto size : ascending) {
    keep = room / left;
    if (size > keep) break;
    room -= size;
    --left;
  }
  for (const auto& [name, places] : families_)
    if (sizes.at(name) > keep) cut(places, keep);
}

// Leaves the lines with the largest values of a family.
void BoardSlots::cut(const std::vector<Place>& places, std::size_t keep) {
  struct Candidate {
    double value;
    Slot* slot;
    BoardLine* line;
  };
  std::vector<Candidate> candidates;
  for (const auto& place : places)
    for (auto& line : place.block->lines)
      if (line.wanted) {
        const double value = std::abs(place.slot->shown->samples[line.sample].value);
        candidates.push_back({std::isnan(value) ? 0 : value, place.slot, &line});
      }
  std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(keep), candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return a.value != b.value ? a.value > b.value : a.line->prefix < b.line->prefix;
                   });
  for (std::size_t i = keep; i < candidates.size(); ++i) {
    candidates[i].line->wanted = false;
    ++candidates[i].slot->dropped;
    --visible_;
  }
}

}  // namespace pgtend::api
