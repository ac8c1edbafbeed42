// The plain text log: lines with a prefix; lines that begin with a tab belong to the one before.
#include <utility>

#include "collectors/logs/entry.hpp"
#include "collectors/logs/line_prefix.hpp"

namespace pgtend::logs {

namespace {

// Of one line: a message and a prefix before it.
constexpr std::size_t kMostLine = kMostMessage + 512;

class TextParser final : public LogParser {
 public:
  TextParser(const std::string& line_prefix, Sink sink) : prefix_(line_prefix), sink_(std::move(sink)) {}

  void feed(std::string_view bytes) override {
    while (!bytes.empty()) {
      const auto end = bytes.find('\n');
      const auto piece = bytes.substr(0, end);
      if (!skipping_) add(piece);
      if (end == std::string_view::npos) return;
      if (!std::exchange(skipping_, false)) end_line();
      line_.clear();
      bytes.remove_prefix(end + 1);
    }
  }

  void pause() override { end_entry(); }

  void jump(bool at_line_start) override {
    end_entry();
    line_.clear();
    synced_ = false;
    skipping_ = !at_line_start;
  }

 private:
  void add(std::string_view piece) {
    for (auto nul = piece.find('\0'); nul != std::string_view::npos; nul = piece.find('\0')) {
      append_bounded(line_, piece.substr(0, nul), kMostLine);
      piece.remove_prefix(nul + 1);
    }
    append_bounded(line_, piece, kMostLine);
  }

  void end_line() {
    if (line_.empty()) return;
    if (line_.front() == '\t') {
      if (open_) append_bounded(entry_.message, "\n" + line_.substr(1), kMostMessage);
      return;
    }
    end_entry();
    const auto head = prefix_.match(line_);
    if (!head) return lose();
    synced_ = true;
    const auto severity = parse_severity(head->word);
    // DETAIL, STATEMENT and their kin, which are not counted.
    if (!severity) return;
    entry_.severity = *severity;
    entry_.sqlstate = head->sqlstate;
    entry_.query_id = head->query_id;
    entry_.message = head->rest.substr(0, kMostMessage);
    open_ = true;
  }

  void end_entry() {
    if (std::exchange(open_, false)) sink_(entry_);
  }

  // Counted once for each time that the thread is lost: what archive_command prints, for one.
  void lose() {
    if (std::exchange(synced_, false)) ++unreadable_;
  }

  LinePrefix prefix_;
  Sink sink_;
  bool synced_ = true, skipping_ = false, open_ = false;
  std::string line_;
  LogEntry entry_;
};

}  // namespace

std::unique_ptr<LogParser> make_text_parser(std::string line_prefix, LogParser::Sink sink) {
  return std::make_unique<TextParser>(line_prefix, std::move(sink));
}

}  // namespace pgtend::logs
