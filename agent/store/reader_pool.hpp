#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "agent/store/history_reader.hpp"

namespace pgtend::store {

// Keeps one reader that is not in use, with its open connection and prepared statements: opening them is half of the
// time of a small query (measured). Any thread.
class ReaderPool : public std::enable_shared_from_this<ReaderPool> {
 public:
  explicit ReaderPool(std::function<std::unique_ptr<FileReader>()> make) : make_(std::move(make)) {}

  // A reader that comes back here when it is destroyed. Errors: those of FileReader::refresh.
  Result<std::unique_ptr<HistoryReader>> borrow();
  // Closes what is kept; nothing is kept from now on.
  void close();

 private:
  class Borrowed;
  void give_back(std::unique_ptr<FileReader> reader);

  const std::function<std::unique_ptr<FileReader>()> make_;
  std::mutex mutex_;
  std::unique_ptr<FileReader> idle_;
  bool closed_ = false;
};

}  // namespace pgtend::store
