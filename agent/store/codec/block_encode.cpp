#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "agent/store/codec/block.hpp"
#include "agent/store/codec/block_layout.hpp"
#include "agent/store/codec/bytes.hpp"
#include "agent/store/codec/decimal.hpp"
#include "agent/store/codec/packing.hpp"

namespace pgtend::store::codec {

namespace {

bool is_nan(std::uint64_t bits) {
  return std::isnan(std::bit_cast<double>(bits));
}

// The values of a column as integers with a common number of decimals; NaNs are exceptions and repeat the value before.
struct Integers {
  unsigned decimals = 0;
  std::vector<std::int64_t> scaled;
  std::vector<std::uint8_t> odd;  // indexes of the exceptions
};

std::optional<Integers> as_integers(std::span<const std::uint64_t> bits) {
  Integers out;
  out.scaled.reserve(bits.size());
  std::size_t i = 0;
  while (i < bits.size()) {
    std::int64_t scaled = 0;
    if (to_decimal(bits[i], out.decimals, scaled)) {
      out.scaled.push_back(scaled);
      ++i;
    } else if (is_nan(bits[i])) {
      out.odd.push_back(static_cast<std::uint8_t>(i));
      out.scaled.push_back(out.scaled.empty() ? 0 : out.scaled.back());
      ++i;
    } else if (++out.decimals > kMaxDecimals) {
      return std::nullopt;
    } else {
      out.scaled.clear();
      out.odd.clear();
      i = 0;
    }
  }
  if (out.odd.size() == bits.size()) return std::nullopt;
  return out;
}

std::size_t varint_size(std::uint64_t value) {
  return value == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(value)) + 6) / 7;
}

// Wraps like the decoder's addition does.
std::int64_t difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

class Encoder {
 public:
  explicit Encoder(std::size_t ticks) : ticks_(ticks) {}

  void add(const Column& column) {
    if (column.empty()) {
      tags_.u8(kEmpty);
      ++slots_;
      return;
    }
    const bool whole = column.runs().size() == 1 && column.runs()[0] == 0 && column.end() == ticks_;
    const auto integers = as_integers(column.bits());
    const bool odd = integers && !integers->odd.empty();
    const auto kind = kind_of(column, integers);
    tags_.u8(make_tag(kind, integers ? integers->decimals : 0, whole, odd));
    if (!whole) add_runs(column);
    if (kind != kConstantInteger && kind != kConstantFloat) add_positions(column);
    if (integers) {
      if (odd) add_exceptions(column, *integers);
      add_integers(*integers, kind);
    } else {
      add_floats(column.bits());
    }
    ++slots_;
  }

  std::string finish(std::span<const EpochStart> starts) {
    ByteWriter structure;
    structure.bytes(tags_.view());
    structure.varint(details_.size());
    structure.bytes(details_.view());
    structure.varint(starts.size());
    for (const auto& start : starts) {
      structure.u8(start.slot);
      structure.u8(start.tick);
    }
    structure.bytes(positions_.view());
    ByteWriter out;
    out.u8(kBlockVersion);
    out.u8(static_cast<std::uint8_t>(ticks_));
    out.u16(static_cast<std::uint16_t>(slots_));
    const auto add_part = [&](const std::string& part) {
      out.varint(part.size());
      out.bytes(part);
    };
    add_part(pack(structure.view()));
    add_part(pack(integers_.view()));
    add_part(pack(planes(0, kUpperPlanes)));
    add_part(pack(planes(kUpperPlanes, 8)));
    return out.take();
  }

 private:
  static std::uint8_t kind_of(const Column& column, const std::optional<Integers>& integers) {
    if (column.bits().size() == 1) return integers ? kConstantInteger : kConstantFloat;
    if (!integers) return kFloats;
    std::size_t once = 0, twice = 0;
    std::int64_t step = 0;
    for (std::size_t i = 1; i < integers->scaled.size(); ++i) {
      const auto next = difference(integers->scaled[i], integers->scaled[i - 1]);
      once += varint_size(zigzag(next));
      twice += varint_size(zigzag(difference(next, step)));
      step = next;
    }
    // Equal steps become zeros, which pack to nothing; otherwise the simple form packs better.
    return twice + integers->scaled.size() / 8 < once ? kDeltasOfDeltas : kDeltas;
  }

  void add_runs(const Column& column) {
    details_.varint(column.runs().size());
    std::uint8_t last = 0;
    for (const auto tick : column.runs()) {
      details_.u8(static_cast<std::uint8_t>(tick - last));
      last = tick;
    }
    details_.u8(static_cast<std::uint8_t>(column.end() - last));
  }

  void add_positions(const Column& column) {
    const auto at = column.at();
    if (at.size() == column.count()) {
      details_.varint(kEveryTick);
      return;
    }
    const auto [known, fresh] = seen_.try_emplace(std::vector<std::uint8_t>(at.begin(), at.end()), slots_);
    if (!fresh) {
      details_.varint((slots_ - known->second) << 2 | kSameAs);
      return;
    }
    details_.varint(at.size() << 2 | kOwn);
    std::uint8_t last = 0;
    for (const auto tick : at) {
      positions_.u8(static_cast<std::uint8_t>(tick - last));
      last = tick;
    }
  }

  void add_exceptions(const Column& column, const Integers& integers) {
    details_.u8(static_cast<std::uint8_t>(integers.odd.size()));
    for (const auto index : integers.odd) {
      details_.u8(index);
      floats_.push_back(column.bits()[index]);
    }
  }

  void add_integers(const Integers& integers, std::uint8_t kind) {
    details_.varint(zigzag(integers.scaled[0]));
    if (integers.scaled.size() == 1) return;
    const auto before = integers_.size();
    std::int64_t step = 0;
    for (std::size_t i = 1; i < integers.scaled.size(); ++i) {
      const auto next = difference(integers.scaled[i], integers.scaled[i - 1]);
      integers_.varint(zigzag(kind == kDeltas ? next : difference(next, step)));
      step = next;
    }
    details_.varint(integers_.size() - before);
  }

  void add_floats(std::span<const std::uint64_t> bits) {
    std::uint64_t last = 0;
    for (const auto value : bits) {
      floats_.push_back(value - last);
      last = value;
    }
  }

  // Byte planes from the most significant one.
  [[nodiscard]] std::string planes(unsigned from, unsigned to) const {
    std::string out;
    out.reserve((to - from) * floats_.size());
    for (unsigned plane = from; plane < to; ++plane)
      for (const auto value : floats_) out.push_back(static_cast<char>(value >> (56 - 8 * plane)));
    return out;
  }

  std::size_t ticks_;
  std::size_t slots_ = 0;
  ByteWriter tags_, details_, positions_, integers_;
  std::vector<std::uint64_t> floats_;
  std::map<std::vector<std::uint8_t>, std::size_t> seen_;
};

}  // namespace

std::string encode_block(std::span<const Column> columns, std::span<const EpochStart> starts, std::size_t ticks) {
  while (!columns.empty() && columns.back().empty()) columns = columns.first(columns.size() - 1);
  Encoder encoder(ticks);
  for (const auto& column : columns) encoder.add(column);
  return encoder.finish(starts);
}

}  // namespace pgtend::store::codec
