#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/model/history.hpp"
#include "agent/store/series_index.hpp"
#include "agent/store/sqlite.hpp"

// The read side of history.db; private to agent/store.
namespace pgtend::store {

class FileReader final : public HistoryReader {
 public:
  FileReader(std::string path, std::shared_ptr<const SharedIndex> shared)
      : path_(std::move(path)), shared_(std::move(shared)) {}

  // Opens the file, or opens it anew when it was replaced. Errors: io, corrupt.
  Result<void> refresh();

  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max_samples) override;
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override;
  Result<std::vector<ResetEvent>> resets(TimeRange range) override;
  Result<std::vector<Gap>> gaps(TimeRange range) override;

 private:
  // One read transaction with its deadline and the index that belongs to it.
  struct Reading;
  Result<Reading> begin();
  Result<std::vector<std::int64_t>> buckets(TimeRange range);
  Result<void> fill_epochs(SeriesData& data, std::int64_t id);

  std::string path_;
  std::shared_ptr<const SharedIndex> shared_;
  std::unique_ptr<Database> db_;
  std::uint64_t generation_ = 0;
};

}  // namespace pgtend::store
