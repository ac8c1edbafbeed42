#include "agent/remote/write_request.hpp"

#include <snappy-c.h>

#include <bit>
#include <cstdint>
#include <string_view>

namespace pgtend::remote {

namespace {

// Wire types and field numbers. Source: the protobuf encoding documentation and the specification's message
// definitions: WriteRequest.timeseries = 1; .metadata = 3; MetricMetadata.type = 1 (1 counter, 2 gauge),
// .metric_family_name = 2, .help = 4, .unit = 5; TimeSeries.labels = 1, .samples = 2; Label.name = 1, .value = 2;
// Sample.value = 1 (double), .timestamp = 2 (int64, ms).
constexpr char kVarint = 0, kFixed64 = 1, kBytes = 2;

constexpr char tag(int field, char type) {
  return static_cast<char>((field << 3) | type);
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

void put_text(std::string& out, int field, std::string_view text) {
  out += tag(field, kBytes);
  put_varint(out, text.size());
  out += text;
}

void put_label(std::string& out, std::string_view name, std::string_view value) {
  out += tag(1, kBytes);
  put_varint(out, 2 + varint_size(name.size()) + name.size() + varint_size(value.size()) + value.size());
  put_text(out, 1, name);
  put_text(out, 2, value);
}

void put_sample(std::string& out, const Sample& sample) {
  const auto at = static_cast<std::uint64_t>(to_ms(sample.time));
  out += tag(2, kBytes);
  put_varint(out, 1 + 8 + 1 + varint_size(at));
  out += tag(1, kFixed64);
  auto bits = std::bit_cast<std::uint64_t>(sample.value);
  for (int i = 0; i < 8; ++i, bits >>= 8) out += static_cast<char>(bits & 0xff);
  out += tag(2, kVarint);
  put_varint(out, at);
}

// Receivers want the labels in the order of their names, the metric's name among them.
void put_labels(std::string& out, const SeriesKey& key, const Labels& external) {
  constexpr std::string_view kName = "__name__";
  bool name_written = false;
  const auto put = [&](std::string_view name, std::string_view value) {
    if (!name_written && name > kName) {
      put_label(out, kName, key.name);
      name_written = true;
    }
    put_label(out, name, value);
  };
  auto own = key.labels.begin();
  for (const auto& [name, value] : external) {
    for (; own != key.labels.end() && own->first < name; ++own) put(own->first, own->second);
    if (own != key.labels.end() && own->first == name) continue;
    put(name, value);
  }
  for (; own != key.labels.end(); ++own) put(own->first, own->second);
  if (!name_written) put_label(out, kName, key.name);
}

}  // namespace

void WriteRequest::add(const SeriesKey& key, const Labels& external, std::span<const Sample> samples) {
  if (samples.empty()) return;
  scratch_.clear();
  put_labels(scratch_, key, external);
  for (const auto& sample : samples) put_sample(scratch_, sample);
  put_text(message_, 1, scratch_);
  samples_ += samples.size();
}

void WriteRequest::add(const MetricDef& metric) {
  for (const auto* name : {&metric.name, &metric.exporter_name}) {
    if (name->empty()) continue;
    scratch_.clear();
    scratch_ += tag(1, kVarint);
    put_varint(scratch_, metric.kind == MetricKind::counter ? 1 : 2);
    put_text(scratch_, 2, *name);
    put_text(scratch_, 4, metric.help);
    put_text(scratch_, 5, metric.unit);
    put_text(message_, 3, scratch_);
  }
}

Result<std::string> WriteRequest::body() const {
  auto length = snappy_max_compressed_length(message_.size());
  std::string out(length, '\0');
  if (snappy_compress(message_.data(), message_.size(), out.data(), &length) != SNAPPY_OK)
    return fail(Errc::internal, "snappy could not compress a remote write request");
  out.resize(length);
  return out;
}

}  // namespace pgtend::remote
