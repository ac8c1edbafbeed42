#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/history.hpp"

// Stored samples in pages, so that neither side ever holds more than one of them.
namespace pgtend::api {

// Samples of one page, more or less. Source: about 5 MB of text in the longest of the formats.
inline constexpr std::size_t kPageSamples = 50'000;

// Where the next page begins. Opaque to clients, who send it back as text.
struct PageCursor {
  SeriesKey series;
  UtcTime from;               // of this series; later series begin at the range's start
  bool is_new_metric = true;  // nothing of this metric has been given yet
};
[[nodiscard]] std::string to_text(const PageCursor& cursor);
// nullopt when malformed.
[[nodiscard]] std::optional<PageCursor> parse_cursor(std::string_view text);

struct HistoryPage {
  std::vector<SeriesData> series;  // in the order of their keys; a long series continues on the next page
  bool starts_new_metric = true;   // the first series is the first of its metric
  std::optional<PageCursor> next;  // nullopt: this was the last page
};

// Series that match one of the selectors (none: all of them), in the order of name and labels, from `cursor` on.
// Errors: those of the reader. REQUIRES: a thread that may block.
Result<HistoryPage> read_page(HistoryReader& reader, const std::vector<std::vector<Matcher>>& selectors,
                              TimeRange range, const std::optional<PageCursor>& cursor);

enum class ExportFormat { openmetrics, csv, jsonl };
[[nodiscard]] std::optional<ExportFormat> parse_export_format(std::string_view name);
[[nodiscard]] std::string_view content_type(ExportFormat format);

// A page as text; `is_first` adds what stands at the beginning of a file, the last page what stands at its end.
// OpenMetrics has no word for a stale marker, which is left out there; CSV and JSON lines write "stale".
[[nodiscard]] std::string export_text(const HistoryPage& page, ExportFormat format, bool is_first);

}  // namespace pgtend::api
