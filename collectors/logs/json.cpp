// jsonlog: an object of texts and numbers in each line. Only the values that are counted are ever held.
#include <utility>

#include "collectors/logs/entry.hpp"

namespace pgtend::logs {

namespace {

// Of a key, and of every value but the message.
constexpr std::size_t kMostShort = 64;

class JsonParser final : public LogParser {
 public:
  explicit JsonParser(Sink sink) : sink_(std::move(sink)) {}

  void feed(std::string_view bytes) override {
    for (const char c : bytes)
      if (c != '\0') take(c);
  }

  void pause() override {}

  void jump(bool at_line_start) override {
    begin();
    synced_ = false;
    if (!at_line_start) state_ = State::skip_line;
  }

 private:
  enum class State {
    start,
    before_key,
    key,
    colon,
    value,
    text,
    escape,
    code_point,
    scalar,
    after_value,
    end,
    skip_line
  };

  void begin() {
    state_ = State::start;
    key_.clear();
    severity_.clear();
    entry_.sqlstate.clear();
    entry_.query_id.clear();
    entry_.message.clear();
  }

  void take(char c) {
    // No text of JSON holds a line break: whatever was begun, a new line is a new entry.
    if (c == '\n') return end_line();
    switch (state_) {
      case State::skip_line:
        return;
      case State::start:
        return expect(c == '{', State::before_key);
      case State::before_key:
        if (c == '}') return expect(true, State::end);
        key_.clear();
        return expect(c == '"', State::key);
      case State::key:
        if (c == '"') return expect(true, State::colon);
        if (key_.size() < kMostShort) key_.push_back(c);
        return;
      case State::colon:
        return expect(c == ':', State::value);
      case State::value:
        return begin_value(c);
      case State::text:
        if (c == '"') return expect(true, State::after_value);
        if (c == '\\') return expect(true, State::escape);
        return keep(c);
      case State::escape:
        return unescape(c);
      case State::code_point:
        return take_code_point(c);
      case State::scalar:
        if (c == ',') return expect(true, State::before_key);
        if (c == '}') return expect(true, State::end);
        return keep(c);
      case State::after_value:
        if (c == ',') return expect(true, State::before_key);
        return expect(c == '}', State::end);
      case State::end:
        return expect(c == '\r' || c == ' ', State::end);
    }
  }

  void expect(bool holds, State next) {
    if (!holds) return give_up();
    state_ = next;
  }

  void begin_value(char c) {
    into_ = key_ == "error_severity" ? &severity_
            : key_ == "state_code"   ? &entry_.sqlstate
            : key_ == "message"      ? &entry_.message
            : key_ == "query_id"     ? &entry_.query_id
                                     : nullptr;
    keep_ = into_ == &entry_.message ? kMostMessage : kMostShort;
    if (into_ != nullptr) into_->clear();
    if (c == '"') return expect(true, State::text);
    state_ = State::scalar;
    // PostgreSQL writes neither lists nor objects within.
    if (c == '{' || c == '[') return give_up();
    keep(c);
  }

  void keep(char c) {
    if (into_ != nullptr && into_->size() < keep_) into_->push_back(c);
  }

  void unescape(char c) {
    state_ = State::text;
    switch (c) {
      case 'n':
        return keep('\n');
      case 't':
        return keep('\t');
      case 'r':
      case 'b':
      case 'f':
        return keep(' ');
      case 'u':
        digits_ = 0;
        state_ = State::code_point;
        return;
      default:
        keep(c);
    }
  }

  // Only control characters are written so, and none of them tells anything.
  void take_code_point(char) {
    if (++digits_ < 4) return;
    keep(' ');
    state_ = State::text;
  }

  void end_line() {
    if (state_ == State::end) {
      synced_ = true;
      entry_.severity = parse_severity(severity_).value_or(LogSeverity::other);
      sink_(entry_);
    } else if (state_ != State::start && state_ != State::skip_line) {
      lose();
    }
    begin();
  }

  void give_up() {
    lose();
    begin();
    state_ = State::skip_line;
  }

  // Counted once for each time that the thread is lost.
  void lose() {
    if (std::exchange(synced_, false)) ++unreadable_;
  }

  Sink sink_;
  State state_ = State::start;
  bool synced_ = true;
  int digits_ = 0;
  std::size_t keep_ = 0;
  std::string* into_ = nullptr;
  std::string key_, severity_;
  LogEntry entry_;
};

}  // namespace

std::unique_ptr<LogParser> make_json_parser(LogParser::Sink sink) {
  return std::make_unique<JsonParser>(std::move(sink));
}

}  // namespace pgtend::logs
