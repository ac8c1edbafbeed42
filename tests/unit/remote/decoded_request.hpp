#pragma once

#include <snappy-c.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Reads a remote write body with none of the code that made it.
namespace pgtend::test {

struct DecodedSeries {
  std::vector<std::pair<std::string, std::string>> labels;      // in the order written
  std::vector<std::pair<std::int64_t, std::uint64_t>> samples;  // ms, bits
  bool operator==(const DecodedSeries&) const = default;
};

struct DecodedMetric {
  std::uint64_t type = 0;
  std::string name, help, unit;
  bool operator==(const DecodedMetric&) const = default;
};

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool done() const { return bytes_.empty(); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw std::runtime_error("varint too long");
  }
  std::string_view bytes() { return take(varint()); }
  std::uint64_t fixed64() {
    std::uint64_t value = 0;
    std::memcpy(&value, take(8).data(), 8);
    return value;
  }

 private:
  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) throw std::runtime_error("message cut short");
    const auto out = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return out;
  }
  std::string_view bytes_;
};

inline DecodedSeries decode_series(std::string_view message) {
  DecodedSeries out;
  ProtobufReader series(message);
  while (!series.done()) {
    const auto tag = series.varint();
    ProtobufReader part(series.bytes());
    if (tag == 0x0a) {
      auto& label = out.labels.emplace_back();
      if (part.varint() != 0x0a) throw std::runtime_error("label without a name");
      label.first = part.bytes();
      if (part.varint() != 0x12) throw std::runtime_error("label without a value");
      label.second = part.bytes();
    } else if (tag == 0x12) {
      auto& sample = out.samples.emplace_back();
      if (part.varint() != 0x09) throw std::runtime_error("sample without a value");
      sample.second = part.fixed64();
      if (part.varint() != 0x10) throw std::runtime_error("sample without a time");
      sample.first = static_cast<std::int64_t>(part.varint());
    } else {
      throw std::runtime_error("unknown field");
    }
    if (!part.done()) throw std::runtime_error("bytes left over");
  }
  return out;
}

inline DecodedMetric decode_metric(std::string_view message) {
  DecodedMetric out;
  ProtobufReader metric(message);
  while (!metric.done()) {
    const auto tag = metric.varint();
    if (tag == 0x08) {
      out.type = metric.varint();
      continue;
    }
    if (tag != 0x12 && tag != 0x22 && tag != 0x2a) throw std::runtime_error("unknown field");
    (tag == 0x12 ? out.name : tag == 0x22 ? out.help : out.unit) = metric.bytes();
  }
  return out;
}

inline std::vector<DecodedSeries> decode_request(std::string_view body, std::vector<DecodedMetric>* metrics = nullptr) {
  std::size_t length = 0;
  if (snappy_uncompressed_length(body.data(), body.size(), &length) != SNAPPY_OK) throw std::runtime_error("no snappy");
  std::string message(length, '\0');
  if (snappy_uncompress(body.data(), body.size(), message.data(), &length) != SNAPPY_OK)
    throw std::runtime_error("no snappy");
  std::vector<DecodedSeries> out;
  ProtobufReader request(message);
  while (!request.done()) {
    const auto tag = request.varint();
    if (tag != 0x0a && tag != 0x1a) throw std::runtime_error("neither a time series nor metadata");
    if (tag == 0x0a) {
      out.push_back(decode_series(request.bytes()));
    } else {
      const auto metric = decode_metric(request.bytes());
      if (metrics != nullptr) metrics->push_back(metric);
    }
  }
  return out;
}

}  // namespace pgtend::test
