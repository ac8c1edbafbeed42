#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/snapshot.hpp"

// The exposition text of collectors' samples, kept per collector and database; private to this folder.
namespace pgtend::api {

struct BoardLine {
  std::size_t sample = 0;  // index into Slot::shown->samples
  std::string prefix;      // name{labels} and a space
  bool visible = true;
  bool wanted = true;  // by the decision that is being made
};

// The series of one metric in one slot, with their text as it was last formatted.
struct FamilyBlock {
  std::vector<BoardLine> lines;
  std::string text;
};

struct Slot {
  SnapshotPtr shown;  // the last run that had samples
  std::map<std::string, FamilyBlock> families;
  std::size_t duplicates = 0, dropped = 0;  // of `shown`
  std::size_t uncounted = 0;                // runs since take_left_out()
  bool formatted = false;

  [[nodiscard]] bool is_stale(UtcTime now) const;
};

using SlotKey = std::pair<std::string, std::string>;  // collector, database

// All slots; decides which series are visible: each once, and no more than a total. That and the text are made when
// somebody looks, not with each run: of hundreds of databases a run comes every few milliseconds, and a decision is
// about all of them.
class BoardSlots {
 public:
  explicit BoardSlots(std::size_t max_series) : max_series_(max_series) {}

  // Takes a snapshot that has samples.
  void put(const SlotKey& key, SnapshotPtr snapshot);
  void erase(const SlotKey& key);
  [[nodiscard]] const Slot* find(const SlotKey& key) const;

  // Calls f(family name, kind of its first sample, texts of its fresh blocks) in the order of names.
  template <class F>
  void each_family(UtcTime now, F f);

  [[nodiscard]] std::size_t visible();

  struct LeftOut {
    std::size_t duplicates = 0, dropped = 0;
  };
  // Samples of the runs since the last call that are not on the page.
  LeftOut take_left_out();

 private:
  struct Place {
    Slot* slot;
    FamilyBlock* block;
  };
  static void lay_out(Slot& slot);
  static void format(Slot& slot);
  void decide_visible();
  static std::size_t want_each_once(const std::vector<Place>& places);
  void fit(const std::map<std::string_view, std::size_t>& sizes);
  void cut(const std::vector<Place>& places, std::size_t keep);
  static void show_wanted(const std::vector<Place>& places);

  std::size_t max_series_;
  std::size_t visible_ = 0;
  bool decided_ = true;
  std::map<SlotKey, Slot> slots_;
  std::map<std::string, std::vector<Place>> families_;
};

template <class F>
void BoardSlots::each_family(UtcTime now, F f) {
  decide_visible();
  for (auto& [key, slot] : slots_)
    if (!slot.formatted && !slot.is_stale(now)) format(slot);
  std::vector<const std::string*> texts;
  for (const auto& [name, places] : families_) {
    texts.clear();
    MetricKind kind = MetricKind::gauge;
    for (const auto& place : places) {
      if (place.slot->is_stale(now) || place.block->text.empty()) continue;
      kind = place.slot->shown->samples[place.block->lines.front().sample].kind;
      texts.push_back(&place.block->text);
    }
    if (!texts.empty()) f(name, kind, texts);
  }
}

}  // namespace pgtend::api
