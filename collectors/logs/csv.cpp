// csvlog: fields in quotes, with line breaks in them. Only the fields that are counted are ever held.
#include <algorithm>
#include <cctype>
#include <utility>

#include "collectors/logs/entry.hpp"

namespace pgtend::logs {

namespace {

// Source: the columns of csvlog, 24 in PostgreSQL 13 and 26 since 14.
constexpr std::size_t kTime = 0, kSeverity = 11, kSqlState = 12, kMessage = 13, kQueryId = 25;
constexpr std::size_t kFewestFields = 23, kMostFields = 40;
// Of every field but the message.
constexpr std::size_t kMostShort = 64;
// A line that begins with a time within quotes is text of somebody's, until an entry gets so long: then a quote was
// lost.
constexpr std::size_t kLongEntry = 256 << 10;
constexpr std::string_view kTimePattern = "dddd-dd-dd dd:dd:dd";

bool fits(char pattern, char c) {
  return pattern == 'd' ? std::isdigit(static_cast<unsigned char>(c)) != 0 : pattern == c;
}

bool is_time(std::string_view text) {
  if (text.size() < kTimePattern.size()) return false;
  for (std::size_t i = 0; i < kTimePattern.size(); ++i)
    if (!fits(kTimePattern[i], text[i])) return false;
  return true;
}

class CsvParser final : public LogParser {
 public:
  explicit CsvParser(Sink sink) : sink_(std::move(sink)) {}

  void feed(std::string_view bytes) override {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      // The long stretches, of statements above all, at the speed of memchr.
      if (state_ == State::quoted && keep_ == 0) at = skip_quoted(bytes, at);
      if (at < bytes.size() && bytes[at] != '\0') take(bytes[at]);
    }
  }

  void pause() override {}

  void jump(bool at_line_start) override {
    begin();
    synced_ = false;
    if (!at_line_start) state_ = State::skip_line;
  }

 private:
  enum class State { start, plain, quoted, quote, skip_line };

  void begin() {
    state_ = State::start;
    field_ = 0;
    length_ = 0;
    time_.clear();
    severity_.clear();
    entry_.sqlstate.clear();
    entry_.query_id.clear();
    entry_.message.clear();
    choose();
  }

  // Where the bytes of the present field go.
  void choose() {
    into_ = field_ == kTime       ? &time_
            : field_ == kSeverity ? &severity_
            : field_ == kSqlState ? &entry_.sqlstate
            : field_ == kMessage  ? &entry_.message
            : field_ == kQueryId  ? &entry_.query_id
                                  : nullptr;
    keep_ = into_ == nullptr ? 0 : field_ == kMessage ? kMostMessage : kMostShort;
  }

  void keep(char c) {
    ++length_;
    if (keep_ > 0 && into_->size() < keep_) into_->push_back(c);
  }

  // The next byte at or after `at` that matters within the quotes of a field nobody counts.
  std::size_t skip_quoted(std::string_view bytes, std::size_t at) {
    if (at_line_start_) return at;
    const auto next = std::min(bytes.find_first_of("\"\n", at), bytes.size());
    length_ += next - at;
    return next;
  }

  void take(char c) {
    switch (state_) {
      case State::skip_line:
        if (c == '\n') state_ = State::start;
        return;
      case State::start:
        if (c == '"') {
          line_.clear();
          at_line_start_ = false;
          state_ = State::quoted;
          return;
        }
        state_ = State::plain;
        [[fallthrough]];
      case State::plain:
        return take_plain(c);
      case State::quoted:
        return take_quoted(c);
      case State::quote:
        if (c == '"') {
          state_ = State::quoted;
          return keep(c);
        }
        if (c == ',' || c == '\n') return end_field(c);
        return give_up(c);
    }
  }

  void take_plain(char c) {
    if (c == ',' || c == '\n') return end_field(c);
    keep(c);
    // Nothing of csvlog that is not in quotes is long.
    if (field_ == kTime && time_.size() == kMostShort) give_up(c);
  }

  void take_quoted(char c) {
    if (c == '"') {
      state_ = State::quote;
      return;
    }
    keep(c);
    if (c == '\n') {
      line_.clear();
      at_line_start_ = true;
    } else if (at_line_start_) {
      if (!fits(kTimePattern[line_.size()], c)) {
        at_line_start_ = false;
        line_.clear();
        return;
      }
      line_.push_back(c);
      if (line_.size() < kTimePattern.size()) return;
      at_line_start_ = false;
      const std::string time = std::exchange(line_, {});
      if (length_ > kLongEntry) restart_at(time);
    }
  }

  // The line that just began is the beginning of an entry after all.
  void restart_at(const std::string& time) {
    lose();
    begin();
    time_ = time;
    state_ = State::plain;
  }

  void end_field(char c) {
    if (field_ == kTime && !is_time(time_)) return give_up(c);
    ++field_;
    choose();
    state_ = State::start;
    if (c == '\n') return end_entry();
    if (field_ > kMostFields) give_up(c);
  }

  void end_entry() {
    if (field_ < kFewestFields) {
      lose();
    } else {
      synced_ = true;
      entry_.severity = parse_severity(severity_).value_or(LogSeverity::other);
      sink_(entry_);
    }
    begin();
  }

  void give_up(char c) {
    lose();
    begin();
    if (c != '\n') state_ = State::skip_line;
  }

  // Counted once for each time that the thread is lost.
  void lose() {
    if (std::exchange(synced_, false)) ++unreadable_;
  }

  Sink sink_;
  State state_ = State::start;
  bool synced_ = true, at_line_start_ = false;
  std::size_t field_ = 0, length_ = 0, keep_ = kMostShort;
  std::string* into_ = &time_;
  std::string time_, severity_, line_;
  LogEntry entry_;
};

}  // namespace

std::unique_ptr<LogParser> make_csv_parser(LogParser::Sink sink) {
  return std::make_unique<CsvParser>(std::move(sink));
}

}  // namespace pgtend::logs
