#include "agent/remote/window.hpp"

#include <algorithm>

#include "agent/remote/write_request.hpp"

namespace pgtend::remote {

namespace {

Result<void> close_part(WriteRequest& request, Window& window) {
  if (request.empty()) return {};
  auto body = request.body();
  if (!body) return fail(std::move(body.error()));
  window.parts.push_back({std::move(*body), request.samples()});
  request = WriteRequest();
  return {};
}

Result<Window> cut(std::vector<SeriesData> found, UtcTime to, const Labels& external) {
  // A reader's order is its own affair; a repeated request must be the same request.
  std::sort(found.begin(), found.end(), [](const SeriesData& a, const SeriesData& b) { return a.key < b.key; });
  Window window;
  window.to = to;
  WriteRequest request;
  for (const auto& series : found) {
    request.add(series.key, external, series.samples);
    window.samples += series.samples.size();
    if (request.samples() < kRequestSamples) continue;
    if (auto closed = close_part(request, window); !closed) return fail(std::move(closed.error()));
  }
  if (auto closed = close_part(request, window); !closed) return fail(std::move(closed.error()));
  return window;
}

}  // namespace

Result<Window> read_window(HistoryReader& reader, UtcTime after, UtcTime to, bool exact, const Labels& external) {
  const UtcTime from = after + Millis(1);
  while (true) {
    const bool shortest = exact || to <= from;
    auto found = reader.select({}, {from, to}, shortest ? kMostSamples : kWindowSamples);
    if (found) return cut(std::move(*found), to, external);
    if (found.error().code != Errc::resource_exhausted || shortest) return fail(std::move(found.error()));
    to = from + (to - from) / 2;
  }
}

}  // namespace pgtend::remote
