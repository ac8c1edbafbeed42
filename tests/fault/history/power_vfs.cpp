#include "tests/fault/history/power_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace pgtend::test {

namespace {

// What a disk writes at once or not at all. Source: SQLite's own assumption (sector size 512 without powersafe
// overwrite).
constexpr std::size_t kSector = 512;
constexpr const char* kName = "power";

PowerDisk* disk = nullptr;
sqlite3_vfs* below = nullptr;
sqlite3_vfs vfs;
sqlite3_io_methods methods;

// The file of this layer; the one of the layer below follows it in memory and gets every write too, so that reads,
// locks and shared memory are its business.
struct PowerFile {
  sqlite3_file base;
  std::shared_ptr<PowerDisk::File>* state;
  std::string* path;
};

sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<PowerFile*>(file) + 1);
}
PowerFile* own(sqlite3_file* file) {
  return reinterpret_cast<PowerFile*>(file);
}
int code_of(PowerDisk::Verdict verdict) {
  if (verdict == PowerDisk::Verdict::full) return SQLITE_FULL;
  return verdict == PowerDisk::Verdict::fine ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

int on_close(sqlite3_file* file) {
  delete own(file)->state;
  delete own(file)->path;
  return real(file)->pMethods->xClose(real(file));
}
int on_read(sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
  return real(file)->pMethods->xRead(real(file), to, size, at);
}
int on_write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
  if (own(file)->state != nullptr) {
    if (const int code = code_of(disk->admit(*own(file)->path, at + size)); code != SQLITE_OK) return code;
    auto& state = **own(file)->state;
    PowerDisk::Change change{at, std::string(static_cast<const char*>(from), static_cast<std::size_t>(size)), false};
    PowerDisk::apply(state.visible, change);
    state.pending.push_back(std::move(change));
  }
  return real(file)->pMethods->xWrite(real(file), from, size, at);
}
int on_truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (own(file)->state != nullptr) {
    if (const int code = code_of(disk->admit(*own(file)->path, 0)); code != SQLITE_OK) return code;
    auto& state = **own(file)->state;
    PowerDisk::Change change{size, {}, true};
    PowerDisk::apply(state.visible, change);
    state.pending.push_back(std::move(change));
  }
  return real(file)->pMethods->xTruncate(real(file), size);
}
int on_sync(sqlite3_file* file, int) {
  if (own(file)->state == nullptr) return SQLITE_OK;
  if (const int code = code_of(disk->admit(*own(file)->path, 0)); code != SQLITE_OK) return SQLITE_IOERR_FSYNC;
  auto& state = **own(file)->state;
  state.durable = state.visible;
  state.pending.clear();
  return SQLITE_OK;
}
int on_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int on_lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int on_unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int on_reserved(sqlite3_file* file, int* out) {
  return real(file)->pMethods->xCheckReservedLock(real(file), out);
}
int on_control(sqlite3_file* file, int what, void* with) {
  // A hint that grows or maps the file would go past this layer.
  if (what == SQLITE_FCNTL_SIZE_HINT || what == SQLITE_FCNTL_MMAP_SIZE || what == SQLITE_FCNTL_CHUNK_SIZE)
    return SQLITE_NOTFOUND;
  return real(file)->pMethods->xFileControl(real(file), what, with);
}
int on_sector(sqlite3_file*) {
  return static_cast<int>(kSector);
}
int on_device(sqlite3_file*) {
  return 0;
}
int on_shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}
int on_shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void on_shm_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}
int on_shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

int on_open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  auto* mine = own(file);
  *mine = {};
  const int code = below->xOpen(below, path, real(file), flags, flags_out);
  if (code != SQLITE_OK) return code;
  mine->base.pMethods = &methods;
  if (path != nullptr && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0) {
    mine->path = new std::string(path);
    mine->state = new std::shared_ptr<PowerDisk::File>(disk->file(path, bytes_of(path)));
  }
  return SQLITE_OK;
}
int on_delete(sqlite3_vfs*, const char* path, int sync_directory) {
  if (code_of(disk->admit(path, 0)) != SQLITE_OK) return SQLITE_IOERR_DELETE;
  disk->forget(path);
  return below->xDelete(below, path, sync_directory);
}

}  // namespace

PowerDisk::PowerDisk() {
  below = sqlite3_vfs_find(nullptr);
  disk = this;
  methods = {};
  methods.iVersion = 2;  // no xFetch: memory mapping would go past this layer
  methods.xClose = on_close;
  methods.xRead = on_read;
  methods.xWrite = on_write;
  methods.xTruncate = on_truncate;
  methods.xSync = on_sync;
  methods.xFileSize = on_size;
  methods.xLock = on_lock;
  methods.xUnlock = on_unlock;
  methods.xCheckReservedLock = on_reserved;
  methods.xFileControl = on_control;
  methods.xSectorSize = on_sector;
  methods.xDeviceCharacteristics = on_device;
  methods.xShmMap = on_shm_map;
  methods.xShmLock = on_shm_lock;
  methods.xShmBarrier = on_shm_barrier;
  methods.xShmUnmap = on_shm_unmap;
  vfs = *below;
  vfs.zName = kName;
  vfs.pNext = nullptr;
  vfs.szOsFile = below->szOsFile + static_cast<int>(sizeof(PowerFile));
  vfs.xOpen = on_open;
  vfs.xDelete = on_delete;
  sqlite3_vfs_register(&vfs, 1);
}

PowerDisk::~PowerDisk() {
  sqlite3_vfs_unregister(&vfs);
  sqlite3_vfs_register(below, 1);
  disk = nullptr;
}

PowerDisk::Verdict PowerDisk::admit(const std::string& path, std::int64_t new_size) {
  const std::lock_guard guard(mutex_);
  if (cut_at_ > 0 && operations_ + 1 >= cut_at_) {
    operations_ = cut_at_;
    return Verdict::no_power;
  }
  ++operations_;
  if (capacity_ <= 0) return Verdict::fine;
  std::int64_t all = 0;
  for (const auto& [name, file] : files_)
    all += std::max<std::int64_t>(static_cast<std::int64_t>(file->visible.size()), name == path ? new_size : 0);
  const auto grows = files_.contains(path) && new_size > static_cast<std::int64_t>(files_.at(path)->visible.size());
  return grows && all > capacity_ ? Verdict::full : Verdict::fine;
}

std::shared_ptr<PowerDisk::File> PowerDisk::file(const std::string& path, const std::string& present) {
  const std::lock_guard guard(mutex_);
  auto& found = files_[path];
  if (!found) found = std::make_shared<File>(File{present, present, {}});
  return found;
}

void PowerDisk::forget(const std::string& path) {
  const std::lock_guard guard(mutex_);
  files_.erase(path);
}

void PowerDisk::apply(std::string& bytes, const Change& change) {
  const auto at = static_cast<std::size_t>(change.offset);
  if (change.is_truncation) {
    bytes.resize(at);
    return;
  }
  if (bytes.size() < at + change.bytes.size()) bytes.resize(at + change.bytes.size());
  std::memcpy(bytes.data() + at, change.bytes.data(), change.bytes.size());
}

void PowerDisk::restore_into(const std::string& folder, std::mt19937& random) const {
  const std::lock_guard guard(mutex_);
  for (const auto& [path, file] : files_) {
    auto bytes = file->durable;
    for (const auto& change : file->pending) {
      const auto fate = random() % 3;
      if (fate == 0) continue;
      if (fate == 1 || change.is_truncation) {
        apply(bytes, change);
        continue;
      }
      for (std::size_t from = 0; from < change.bytes.size(); from += kSector)
        if (random() % 2 == 0)
          apply(bytes, {change.offset + static_cast<std::int64_t>(from), change.bytes.substr(from, kSector), false});
    }
    std::ofstream(folder + "/" + std::filesystem::path(path).filename().string(), std::ios::binary) << bytes;
  }
}

}  // namespace pgtend::test
