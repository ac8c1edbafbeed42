#include "agent/store/reader_pool.hpp"

namespace pgtend::store {

class ReaderPool::Borrowed final : public HistoryReader {
 public:
  Borrowed(std::shared_ptr<ReaderPool> pool, std::unique_ptr<FileReader> reader)
      : pool_(std::move(pool)), reader_(std::move(reader)) {}
  ~Borrowed() override { pool_->give_back(std::move(reader_)); }

  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max_samples) override {
    return noted(reader_->select(matchers, range, max_samples));
  }
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override {
    return noted(reader_->series(matchers, range));
  }
  Result<std::vector<ResetEvent>> resets(TimeRange range) override { return noted(reader_->resets(range)); }
  Result<std::vector<Gap>> gaps(TimeRange range) override { return noted(reader_->gaps(range)); }
  void hint(const ReadHints& hints) override { reader_->hint(hints); }

 private:
  template <class T>
  T noted(T result) {
    if (!result) reader_->note(result.error());
    return result;
  }

  const std::shared_ptr<ReaderPool> pool_;
  std::unique_ptr<FileReader> reader_;
};

Result<std::unique_ptr<HistoryReader>> ReaderPool::borrow() {
  std::unique_ptr<FileReader> reader;
  {
    const std::lock_guard guard(mutex_);
    reader = std::move(idle_);
  }
  if (!reader) reader = make_();
  reader->hint(ReadHints{});
  if (auto opened = reader->refresh(); !opened) return fail(std::move(opened).error(), "open history for reading");
  return std::make_unique<Borrowed>(shared_from_this(), std::move(reader));
}

void ReaderPool::give_back(std::unique_ptr<FileReader> reader) {
  const std::lock_guard guard(mutex_);
  if (!closed_ && !idle_) idle_ = std::move(reader);
}

void ReaderPool::close() {
  std::unique_ptr<FileReader> last;
  const std::lock_guard guard(mutex_);
  closed_ = true;
  last = std::move(idle_);
}

}  // namespace pgtend::store
