#include "agent/api/sample_texts.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "agent/base/decimal.hpp"
#include "agent/base/strings.hpp"

namespace pgtend::api::prometheus {
namespace {

char* write_time(char* to, char* end, UtcTime time) {
  const std::int64_t ms = to_ms(time);
  if (ms < 0) *to++ = '-';
  to = std::to_chars(to, end, std::abs(ms / 1000)).ptr;
  const auto rest = std::abs(ms % 1000);
  if (rest == 0) return to;
  *to++ = '.';
  *to++ = static_cast<char>('0' + rest / 100);
  *to++ = static_cast<char>('0' + rest / 10 % 10);
  *to++ = static_cast<char>('0' + rest % 10);
  return to;
}

// A sample's value as Prometheus's JSON has it: decimal, with an exponent below 1e-6 and from 1e21 on.
char* write_value(char* to, char* end, double value) {
  if (!std::isfinite(value)) {
    const auto name = format_double(value);
    return std::copy(name.begin(), name.end(), to);
  }
  const double size = std::abs(value);
  const bool exponent = size != 0 && (size < 1e-6 || size >= 1e21);
  if (!exponent) return write_decimal(to, end, value);
  const auto written = std::to_chars(to, end, value, std::chars_format::scientific);
  return written.ec == std::errc() ? written.ptr : to;
}

}  // namespace

void append_time(std::string& out, UtcTime time) {
  char text[30];
  out.append(text, write_time(text, text + sizeof text, time));
}

const SampleTexts::Text& SampleTexts::time_text(std::size_t place, UtcTime time) {
  if (place == steps_.size() && place < kSteps) steps_.emplace_back();
  Step& step = place < steps_.size() ? steps_[place] : other_;
  if (step.time == time && step.text.size != 0) return step.text;
  step.time = time;
  step.text.size =
      static_cast<unsigned char>(write_time(step.text.text, std::end(step.text.text), time) - step.text.text);
  return step.text;
}

void SampleTexts::append(std::string& out, const std::vector<Sample>& samples) {
  char line[2 * sizeof(Text)];
  Text value;
  std::uint64_t bits = 0;  // of the value whose text this is
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (const auto now = std::bit_cast<std::uint64_t>(samples[i].value); value.size == 0 || now != bits) {
      bits = now;
      value.size =
          static_cast<unsigned char>(write_value(value.text, std::end(value.text), samples[i].value) - value.text);
    }
    const Text& time = time_text(i, samples[i].time);
    char* to = line;
    if (i != 0) *to++ = ',';
    *to++ = '[';
    to = std::copy_n(time.text, time.size, to);
    *to++ = ',';
    *to++ = '"';
    to = std::copy_n(value.text, value.size, to);
    *to++ = '"';
    *to++ = ']';
    out.append(line, to);
  }
}

}  // namespace pgtend::api::prometheus
