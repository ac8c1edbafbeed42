#include "agent/change/kinds/setting_value.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::change;

namespace {

constexpr std::int64_t kRam = 8LL << 30;

SettingBounds memory(const std::string& name, const std::string& unit = "kB") {
  return {name, "integer", unit, "user", "64", "2147483647", {}};
}

}  // namespace

TEST_CASE("values are read in the setting's own unit") {
  CHECK(in_base_unit("64MB", "kB") == 65536);
  CHECK(in_base_unit("65536", "kB") == 65536);
  CHECK(in_base_unit("1GB", "8kB") == 131072);
  CHECK(in_base_unit("1.5s", "ms") == 1500);
  CHECK(in_base_unit("2min", "s") == 120);
  CHECK_FALSE(in_base_unit("64 apples", "kB"));
  CHECK_FALSE(in_base_unit("5s", "kB"));
  CHECK_FALSE(in_base_unit("", "kB"));
  CHECK_FALSE(in_base_unit("5MB", ""));
}

TEST_CASE("a value outside the server's bounds, of the wrong type or larger than the host is refused") {
  CHECK(check_value(memory("work_mem"), "64MB", kRam));
  CHECK(check_value(memory("work_mem"), "1kB", kRam).error().code == Errc::invalid_argument);
  CHECK(check_value(memory("work_mem"), "many", kRam).error().code == Errc::invalid_argument);
  CHECK(check_value(memory("work_mem"), "1TB", kRam).error().code == Errc::refused);
  CHECK(check_value(memory("work_mem"), "1TB", 0));
  CHECK(check_value(memory("shared_buffers", "8kB"), "900GB", kRam).error().code == Errc::refused);
  CHECK(check_value(memory("shared_buffers", "8kB"), "2GB", kRam));
  CHECK(check_value(memory("effective_cache_size", "8kB"), "900GB", kRam));
  const SettingBounds choice{"wal_compression", "enum", "", "superuser", "", "", {"pglz", "lz4", "on", "off"}};
  CHECK(check_value(choice, "LZ4", 0));
  CHECK(check_value(choice, "best", 0).error().code == Errc::invalid_argument);
  const SettingBounds flag{"jit", "bool", "", "user", "", "", {}};
  CHECK(check_value(flag, "off", 0));
  CHECK(check_value(flag, "5", 0).error().code == Errc::invalid_argument);
  const SettingBounds text{"search_path", "string", "", "user", "", "", {}};
  CHECK(check_value(text, "a\nb = c", 0).error().code == Errc::invalid_argument);
}

TEST_CASE("spellings of one value are the same") {
  CHECK(same_value("64MB", "65536", "kB"));
  CHECK(same_value("64MB", "65536kB", "kB"));
  CHECK(same_value("0.10", "0.1", ""));
  CHECK(same_value("on", "true", ""));
  CHECK(same_value("1", "on", ""));
  CHECK_FALSE(same_value("64MB", "65MB", "kB"));
  CHECK_FALSE(same_value("on", "off", ""));
}
