#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"

namespace pgtend::cli::demo {

using Json = nlohmann::ordered_json;

// What the demo tells: for a person, the time since the start, the step and its facts with units; with `json`, one JSON
// object a line. Every step is said only after it was checked.
class Timeline {
 public:
  explicit Timeline(bool json);

  // A step that really happened. `says` is one sentence; `details` are lines below it for a person; `facts` go into the
  // JSON line, named with their unit.
  void done(const std::string& step, const std::string& says, const Json& facts,
            const std::vector<std::string>& details = {});
  void failed(const std::string& step, const std::string& why);
  // What is being waited for, on a terminal only; the next line takes its place.
  void waiting(const std::string& what);
  // A heading or a closing remark, for a person only.
  void remark(const std::string& text);

  [[nodiscard]] double elapsed_seconds() const;
  [[nodiscard]] std::size_t steps() const { return steps_; }

 private:
  void line(const std::string& step, bool ok, const std::string& says, const Json& facts);
  void clear_waiting();

  bool json_;
  bool terminal_;
  bool is_waiting_ = false;
  std::size_t steps_ = 0;
  Deadline began_;
};

// "12.3": a number for a person.
[[nodiscard]] std::string shown(double value, int decimals = 1);
// "99.8 %"
[[nodiscard]] std::string percent(double ratio);

}  // namespace pgtend::cli::demo
