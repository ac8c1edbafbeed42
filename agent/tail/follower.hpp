#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/result.hpp"

namespace pgtend::tail {

struct FollowOptions {
  std::string directory, pattern;  // * and ? in the names of its files
  std::string first;               // path of the file to begin with; empty: the one that was written last
};

// What takes the bytes.
struct Receiver {
  std::function<void(std::string_view bytes)> bytes;
  // What comes next does not follow what came before; whether it begins a line.
  std::function<void(bool at_line_start)> jump;
};

struct Step {
  std::int64_t read = 0, skipped = 0;
  std::int64_t behind = 0;  // written and not read yet
};

// Reads what is appended to the newest file of a folder, from its end on, and goes on with the next one when the file
// is rotated: renamed and made anew, cut to nothing, or followed by one of another name. Nothing is read twice; what
// was written between the last reading and a cut is lost. REQUIRES: one call at a time. Calls may block on a slow disk.
class Follower {
 public:
  explicit Follower(FollowOptions options) : options_(std::move(options)) {}
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // Reads `budget` bytes at most. What is more than `most_behind` behind the end is skipped. `names_changed`: files may
  // have come or gone. Errors: not_found (no file matches), permission (with the cure), io; the next step tries again.
  Result<Step> step(std::int64_t budget, std::int64_t most_behind, bool names_changed, const Receiver& receiver);
  // Path of the file that is read; empty before the first step.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Candidate {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t size = 0, modified = 0;  // bytes, ns
  };
  using Identity = std::pair<dev_t, ino_t>;

  Result<std::vector<Candidate>> scan() const;
  Result<void> open(const Candidate& candidate, std::int64_t offset, const Receiver& receiver);
  Result<void> begin(const Receiver& receiver);
  [[nodiscard]] std::optional<Candidate> successor(const std::vector<Candidate>& candidates);
  Result<void> go_on(std::int64_t& budget, std::int64_t most_behind, Step& step, const Receiver& receiver);
  Result<void> read(std::int64_t& budget, std::int64_t most_behind, Step& step, const Receiver& receiver);
  void close();

  FollowOptions options_;
  int descriptor_ = -1;
  std::string path_;
  Identity identity_{};
  std::int64_t offset_ = 0;
  bool started_ = false;                   // files that come now are read from their beginning
  std::map<Identity, std::int64_t> done_;  // how far each file was read, or had grown at the start
};

// Whether the agent may read a log, without reading it: path of the newest file. Errors: not_found, permission with the
// exact cure, io. Blocks as a Follower does.
[[nodiscard]] Result<std::string> find_readable(const FollowOptions& options);

}  // namespace pgtend::tail
