// Hands arbitrary text to the reader of users' collector files: it gives a collector that keeps to its bounds, or
// errors with a place in the text, and the same ones each time.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/config/collector_file.hpp"

using namespace pgtend;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_collector(const CollectorDef& def) {
  require(!def.name.empty() && !def.sql.empty());
  require(def.interval > Millis(0) && def.max_series >= 0);
  for (const auto& column : def.columns) {
    require(!column.column.empty() && column.metric.starts_with("pgtend_") && !column.help.empty());
    require(column.scale != 0 && column.exporter_scale != 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  const auto file = config::decode_collector(text, "fuzz.yaml");
  require(file.def.has_value() == file.errors.empty());
  if (file.def) check_collector(*file.def);
  for (const auto& error : file.errors)
    require(error.file == "fuzz.yaml" && !error.message.empty() && error.line >= 0 && error.column >= 0);
  const auto again = config::decode_collector(text, "fuzz.yaml");
  require(again.errors.size() == file.errors.size() && again.name == file.name);
  return 0;
}
