#include "agent/redis/resp.hpp"

#include <charconv>

namespace pgtend::redis {

namespace {

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Value text_value(Value::Kind kind, std::string_view text) {
  Value out;
  out.kind = kind;
  out.text = std::string(text);
  return out;
}

}  // namespace

std::string encode_command(std::span<const std::string> words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const auto& word : words) out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return out;
}

void RespDecoder::feed(std::string_view bytes) {
  if (!broken_.empty()) return;
  // What was read is dropped now and then, so that each byte is moved a bounded number of times.
  if (at_ > buffer_.size() / 2) {
    buffer_.erase(0, at_);
    scanned_ -= at_;
    at_ = 0;
  }
  buffer_ += bytes;
}

tl::unexpected<Error> RespDecoder::broken(const std::string& why) {
  broken_ = "malformed reply: " + why;
  buffer_.clear();
  open_.clear();
  at_ = scanned_ = 0;
  return fail(Errc::parse, broken_);
}

Result<std::optional<Value>> RespDecoder::next() {
  if (!broken_.empty()) return fail(Errc::parse, broken_);
  while (!whole_) {
    auto step = bulk_ ? read_bulk() : read_line();
    if (!step) return fail(std::move(step.error()));
    if (*step == Step::more) return std::optional<Value>();
  }
  auto out = std::move(whole_);
  whole_.reset();
  bytes_ = items_ = 0;
  return out;
}

// The end of a line is "\r\n"; neither of the two stands within one.
Result<RespDecoder::Step> RespDecoder::read_line() {
  const auto end = buffer_.find_first_of("\r\n", std::max(scanned_, at_));
  scanned_ = std::min(end, buffer_.size());
  if (scanned_ - at_ > limits_.line) return broken("a line is longer than " + std::to_string(limits_.line) + " bytes");
  if (end == std::string::npos) return Step::more;
  if (buffer_[end] == '\n') return broken("a line ends without a carriage return");
  if (end + 1 == buffer_.size()) return Step::more;
  if (buffer_[end + 1] != '\n') return broken("a carriage return within a line");
  if (end == at_) return broken("an empty line");
  const auto line = std::string_view(buffer_).substr(at_, end - at_);
  bytes_ += line.size() + 2;
  if (bytes_ > limits_.bytes) return broken("it is longer than " + std::to_string(limits_.bytes) + " bytes");
  at_ = scanned_ = end + 2;
  return take_header(line.front(), line.substr(1));
}

Result<RespDecoder::Step> RespDecoder::take_header(char type, std::string_view rest) {
  if (type == '+') return put(text_value(Value::Kind::text, rest));
  if (type == '-') return put(text_value(Value::Kind::error, rest));
  if (type != ':' && type != '$' && type != '*') return broken("it begins with none of + - : $ *");
  const auto number = integer_of(rest);
  if (!number) return broken("a number was expected");
  if (type == ':') {
    Value value;
    value.kind = Value::Kind::integer;
    value.integer = *number;
    return put(std::move(value));
  }
  if (*number == -1) return put(Value());
  if (*number < 0) return broken("a negative length");
  if (type == '*') return open_array(*number);
  if (static_cast<std::uint64_t>(*number) > limits_.bytes - bytes_)
    return broken("it is longer than " + std::to_string(limits_.bytes) + " bytes");
  bulk_ = static_cast<std::size_t>(*number);
  return Step::done;
}

Result<RespDecoder::Step> RespDecoder::read_bulk() {
  if (buffer_.size() - at_ < *bulk_ + 2) return Step::more;
  if (buffer_[at_ + *bulk_] != '\r' || buffer_[at_ + *bulk_ + 1] != '\n')
    return broken("a text is longer than its length says");
  auto value = text_value(Value::Kind::text, std::string_view(buffer_).substr(at_, *bulk_));
  at_ += *bulk_ + 2;
  scanned_ = at_;
  bytes_ += *bulk_ + 2;
  bulk_.reset();
  return put(std::move(value));
}

Result<RespDecoder::Step> RespDecoder::open_array(std::int64_t count) {
  // Counted when they come as well: what is announced costs nothing yet.
  if (static_cast<std::uint64_t>(count) > limits_.items)
    return broken("it has more than " + std::to_string(limits_.items) + " items");
  Value array;
  array.kind = Value::Kind::array;
  if (count == 0) return put(std::move(array));
  if (open_.size() >= limits_.depth) return broken("it is nested deeper than " + std::to_string(limits_.depth));
  open_.push_back({std::move(array), static_cast<std::size_t>(count)});
  return Step::done;
}

// A finished value goes into the innermost open array, which may finish that one too, and so on.
Result<RespDecoder::Step> RespDecoder::put(Value value) {
  if (++items_ > limits_.items) return broken("it has more than " + std::to_string(limits_.items) + " items");
  while (!open_.empty()) {
    auto& innermost = open_.back();
    innermost.array.items.push_back(std::move(value));
    if (--innermost.left > 0) return Step::done;
    value = std::move(innermost.array);
    open_.pop_back();
  }
  whole_ = std::move(value);
  return Step::done;
}

}  // namespace pgtend::redis
