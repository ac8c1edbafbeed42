#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/model/history.hpp"
#include "agent/store/codec/block.hpp"
#include "agent/store/head.hpp"
#include "agent/store/history_core.hpp"
#include "agent/store/open_blocks.hpp"
#include "agent/store/sqlite.hpp"

// The read side of history: memory first, then history.db; private to agent/store.
namespace pgtend::store {

class FileReader final : public HistoryReader {
 public:
  FileReader(std::string path, std::shared_ptr<const SharedIndex> shared, std::shared_ptr<const Head> head,
             std::shared_ptr<Faults> faults)
      : path_(std::move(path)), shared_(std::move(shared)), head_(std::move(head)), faults_(std::move(faults)) {}

  // Opens the file, or opens it anew when it was replaced. Errors: io, corrupt.
  Result<void> refresh();

  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max_samples) override;
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override;
  Result<std::vector<ResetEvent>> resets(TimeRange range) override;
  Result<std::vector<Gap>> gaps(TimeRange range) override;
  // Tells the writer of an error by which the file of this reader is unsound.
  void note(const Error& error) { faults_->note(error, generation_); }
  void hint(const ReadHints& hints) override { hints_ = hints; }

 private:
  // One read transaction with its deadline.
  struct Reading;
  // The wanted series of one group and their samples so far.
  struct GroupRead {
    GroupId group = 0;
    std::vector<SeriesPtr> wanted;
    GroupPicture picture;
    std::vector<TickedSamples> samples;
    std::vector<TickedSamples> open;  // those of the open columns: the newest
  };
  // A tier and the part of the range it answers.
  struct Stretch {
    Tier tier = Tier::raw;
    TimeRange range;
  };

  Result<Reading> begin();
  static bool is_in_memory(const GroupRead& read, TimeRange range);
  std::vector<GroupRead> look(const std::vector<SeriesPtr>& wanted, TimeRange range);
  Result<std::vector<Stretch>> plan(const GroupRead& read, TimeRange range);
  Result<std::optional<TimeRange>> span_of(Lane lane);
  Result<void> read_raw(GroupRead& read, TimeRange range, std::size_t max_samples);
  Result<void> read_tier(GroupRead& read, Tier tier, TimeRange range, std::size_t max_samples);
  Result<std::size_t> ticks_in(Lane lane, TimeRange range, std::int64_t before_id);
  void read_memory(GroupRead& read, TimeRange range);
  // Calls f(row id, its first ms, block) for each sound block of a lane in the range, ascending.
  template <class F>
  Result<void> each_block(Lane lane, TimeRange range, std::int64_t before_id, F&& f);
  Result<std::vector<std::int64_t>> times_of(const GroupRead& read, std::int64_t first_seq, std::int64_t ticks);
  Result<const std::vector<std::int64_t>*> chunk(std::uint32_t scope, std::int64_t number);
  const codec::Block* sound_block(Statement& row);
  const codec::Block* recent_block(GroupId group, const RecentBlock& recent);
  void report_bad(std::int64_t id);
  Result<void> count(const GroupRead& read, std::size_t max_samples);

  std::string path_;
  std::shared_ptr<const SharedIndex> shared_;
  std::shared_ptr<const Head> head_;
  std::shared_ptr<Faults> faults_;
  std::unique_ptr<Database> db_;
  std::uint64_t generation_ = 0;
  ReadHints hints_;
  // Of one call.
  std::map<std::pair<std::uint32_t, std::int64_t>, std::vector<std::int64_t>> chunks_;
  std::size_t total_ = 0;
  // Of the file of this generation.
  OpenBlocks open_blocks_;
};

}  // namespace pgtend::store
