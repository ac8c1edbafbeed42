// Hands arbitrary bytes to the readers of PostgreSQL's logs: what they keep is bounded, and the entries are the same
// however the bytes are cut.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "collectors/logs/series.hpp"

using namespace pgtend::logs;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<LogEntry> read(LogFormat format, const std::string& prefix, std::string_view bytes, std::size_t piece) {
  std::vector<LogEntry> out;
  const auto parser = make_parser(format, prefix, [&](const LogEntry& entry) { out.push_back(entry); });
  if (piece % 2 == 0) parser->jump(false);
  for (std::size_t at = 0; at < bytes.size(); at += piece) parser->feed(bytes.substr(at, piece));
  parser->pause();
  require(parser->unreadable() <= bytes.size());
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  const auto format = static_cast<LogFormat>(data[0] % 3);
  // A prefix of the fuzzer's own, or a common one.
  const auto length = std::min<std::size_t>(data[1] % 24, bytes.size());
  const std::string prefix = length == 0 ? "%m [%p] %q%u@%d %e " : std::string(bytes.substr(0, length));
  const auto entries = read(format, prefix, bytes, 2 * bytes.size() + 1);
  require(entries == read(format, prefix, bytes, 1));
  require(entries == read(format, prefix, bytes, 2 * (data[2] % 16) + 1));
  (void)read(format, prefix, bytes, 2 * (data[2] % 16) + 2);
  LogTally tally;
  for (auto entry : entries) {
    require(entry.message.size() <= kMostMessage && entry.sqlstate.size() <= kMostMessage);
    tally.count(entry);
    // Its text as that of the server's own, whatever the severity was.
    entry.severity = LogSeverity::log;
    tally.count(entry);
  }
  for (const auto& sample : log_samples(tally, {}, 1)) require(sample.value >= 0 && sample.key->labels.size() <= 4);
  return 0;
}
