#include "agent/tail/follower.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "agent/base/strings.hpp"
#include "agent/tail/access.hpp"

namespace pgtend::tail {

namespace {

constexpr std::size_t kPiece = 64 << 10;
// A folder of logs nobody deletes: more names are not looked at.
constexpr std::size_t kMostNames = 100'000, kMostCandidates = 10'000;

Error trouble(int number, const std::string& path) {
  Error error;
  error.code = number == EACCES || number == EPERM     ? Errc::permission
               : number == ENOENT || number == ENOTDIR ? Errc::not_found
                                                       : Errc::io;
  error.message = path + ": " + std::strerror(number);
  error.retryable = true;
  if (error.code == Errc::permission) error.message += "; cure: " + cure_of_access(path);
  return error;
}

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Follower::~Follower() {
  close();
}

void Follower::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

Result<std::vector<Follower::Candidate>> Follower::scan() const {
  std::vector<Candidate> out;
  DIR* folder = ::opendir(options_.directory.c_str());
  if (folder == nullptr) return fail(trouble(errno, options_.directory));
  std::size_t names = 0;
  while (const dirent* entry = ::readdir(folder)) {
    if (++names > kMostNames || out.size() >= kMostCandidates) break;
    if (!glob_match(options_.pattern, entry->d_name)) continue;
    struct stat file{};
    const auto path = options_.directory + "/" + entry->d_name;
    if (::stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) continue;
    out.push_back({path, file.st_dev, file.st_ino, file.st_size, nanoseconds(file.st_mtim)});
  }
  ::closedir(folder);
  std::sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.modified, a.path) < std::tie(b.modified, b.path);
  });
  return out;
}

Result<void> Follower::open(const Candidate& candidate, std::int64_t offset, const Receiver& receiver) {
  const int descriptor = ::open(candidate.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return fail(trouble(errno, candidate.path));
  struct stat file{};
  if (::fstat(descriptor, &file) != 0 || !S_ISREG(file.st_mode)) {
    ::close(descriptor);
    return fail(Errc::io, candidate.path + " is no regular file", true);
  }
  close();
  descriptor_ = descriptor;
  path_ = candidate.path;
  identity_ = {file.st_dev, file.st_ino};
  offset_ = std::min<std::int64_t>(offset, file.st_size);
  char before = '\n';
  if (offset_ > 0 && ::pread(descriptor_, &before, 1, offset_ - 1) != 1) before = 0;
  receiver.jump(before == '\n');
  return {};
}

// What is there at first counts as read.
Result<void> Follower::begin(const Receiver& receiver) {
  auto candidates = scan();
  if (!candidates) return fail(std::move(candidates.error()));
  if (candidates->empty()) return {};
  auto chosen = std::find_if(candidates->begin(), candidates->end(),
                             [&](const Candidate& one) { return one.path == options_.first; });
  if (chosen == candidates->end()) chosen = candidates->end() - 1;
  for (const auto& one : *candidates) done_[{one.device, one.inode}] = one.size;
  return open(*chosen, chosen->size, receiver);
}

// Of the files that have something unread the one that was written first, so that none is left out.
std::optional<Follower::Candidate> Follower::successor(const std::vector<Candidate>& candidates) {
  std::map<Identity, std::int64_t> done;
  std::optional<Candidate> out;
  for (const auto& one : candidates) {
    const Identity identity{one.device, one.inode};
    const bool own = descriptor_ >= 0 && identity == identity_;
    const auto before = done_.find(identity);
    auto& to = done[identity] = own ? offset_ : before == done_.end() ? 0 : before->second;
    // It was cut meanwhile.
    if (to > one.size) to = 0;
    if (!out && !own && one.size > to) out = one;
  }
  done_ = std::move(done);
  return out;
}

Result<void> Follower::read(std::int64_t& budget, std::int64_t most_behind, Step& step, const Receiver& receiver) {
  struct stat file{};
  if (::fstat(descriptor_, &file) != 0) return fail(trouble(errno, path_));
  if (file.st_size < offset_) {
    offset_ = 0;
    receiver.jump(true);
  }
  if (file.st_size - offset_ > most_behind) {
    const auto to = file.st_size - std::min(budget, most_behind);
    step.skipped += to - offset_;
    offset_ = to;
    receiver.jump(false);
  }
  std::array<char, kPiece> piece;
  while (budget > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::int64_t>(budget, kPiece));
    const auto got = ::pread(descriptor_, piece.data(), want, offset_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(trouble(errno, path_));
    if (got == 0) break;
    receiver.bytes({piece.data(), static_cast<std::size_t>(got)});
    offset_ += got;
    budget -= got;
    step.read += got;
  }
  if (::fstat(descriptor_, &file) == 0) step.behind = std::max<std::int64_t>(0, file.st_size - offset_);
  return {};
}

Result<void> Follower::go_on(std::int64_t& budget, std::int64_t most_behind, Step& step, const Receiver& receiver) {
  while (budget > 0 && step.behind == 0) {
    const auto candidates = scan();
    if (!candidates) return fail(candidates.error());
    const auto next = successor(*candidates);
    if (!next && candidates->empty() && descriptor_ < 0)
      return fail(Errc::not_found, "no file " + options_.pattern + " in " + options_.directory, true);
    if (!next) return {};
    if (auto ok = open(*next, done_[{next->device, next->inode}], receiver); !ok) return ok;
    if (auto ok = read(budget, most_behind, step, receiver); !ok) return ok;
  }
  return {};
}

Result<Step> Follower::step(std::int64_t budget, std::int64_t most_behind, bool names_changed,
                            const Receiver& receiver) {
  Step out;
  if (!started_) {
    if (auto ok = begin(receiver); !ok) return fail(std::move(ok.error()));
    started_ = true;
  }
  if (descriptor_ >= 0)
    if (auto ok = read(budget, most_behind, out, receiver); !ok) {
      close();
      return fail(std::move(ok.error()));
    }
  if (names_changed || descriptor_ < 0)
    if (auto ok = go_on(budget, most_behind, out, receiver); !ok) return fail(std::move(ok.error()));
  // A file that was deleted takes space as long as someone has it open.
  struct stat file{};
  if (descriptor_ >= 0 && out.behind == 0 && ::fstat(descriptor_, &file) == 0 && file.st_nlink == 0) close();
  return out;
}

Result<std::string> find_readable(const FollowOptions& options) {
  Follower follower(options);
  const Receiver nobody{[](std::string_view) {}, [](bool) {}};
  const auto step = follower.step(1, INT64_MAX, false, nobody);
  if (!step) return fail(step.error());
  return follower.path();
}

}  // namespace pgtend::tail
