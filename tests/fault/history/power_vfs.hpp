#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace pgtend::test {

// A disk that loses its power: what was written and not synced is kept apart, so that any part of it can be dropped.
// Counts every write, truncation and sync, and can fail all of them from a given one on.
class PowerDisk {
 public:
  // Makes itself SQLite's default file system while it lives. REQUIRES: one at a time; no database is open then.
  PowerDisk();
  ~PowerDisk();
  PowerDisk(const PowerDisk&) = delete;
  PowerDisk& operator=(const PowerDisk&) = delete;

  // The power goes before operation `number` (from 1): it and everything after it fails.
  void cut_before(std::int64_t number) { cut_at_ = number; }
  [[nodiscard]] bool is_cut() const { return cut_at_ > 0 && operations_ >= cut_at_; }
  [[nodiscard]] std::int64_t operations() const { return operations_; }
  // Bytes that all files together may have; writes beyond them fail as on a full disk. 0: no limit.
  void set_capacity(std::int64_t bytes) { capacity_ = bytes; }

  // Writes what a disk may hold after the cut into `folder`: all that was synced, and of the rest, sector by sector, an
  // arbitrary part.
  void restore_into(const std::string& folder, std::mt19937& random) const;

  // Used by the file methods of power_vfs.cpp.
  struct Change {
    std::int64_t offset = 0;
    std::string bytes;
    bool is_truncation = false;  // to `offset`
  };
  struct File {
    std::string durable, visible;
    std::vector<Change> pending;
  };
  // False when the power is gone or the disk is full.
  enum class Verdict { fine, no_power, full };
  Verdict admit(const std::string& path, std::int64_t new_size);
  std::shared_ptr<File> file(const std::string& path, const std::string& present);
  void forget(const std::string& path);
  static void apply(std::string& bytes, const Change& change);

 private:
  std::int64_t cut_at_ = 0, operations_ = 0, capacity_ = 0;
  std::map<std::string, std::shared_ptr<File>> files_;
  mutable std::recursive_mutex mutex_;
};

}  // namespace pgtend::test
