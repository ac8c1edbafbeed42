#include "agent/engine/migration_export.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace pgtend::engine {

namespace {

namespace fs = std::filesystem;

// Of V0007__orders.sql, else 0.
long version_of(const std::string& name) {
  long out = 0;
  if (!name.starts_with('V')) return 0;
  const auto [end, failure] = std::from_chars(name.data() + 1, name.data() + name.size(), out);
  return failure == std::errc() && std::string_view(end).starts_with("__") ? out : 0;
}

Result<long> highest_version(const std::string& folder) {
  std::error_code failure;
  long out = 0;
  fs::directory_iterator it(folder, failure);
  for (; !failure && it != fs::directory_iterator(); it.increment(failure))
    out = std::max(out, version_of(it->path().filename().string()));
  if (!failure) return out;
  const auto code = failure == std::errc::no_such_file_or_directory ? Errc::not_found
                    : failure == std::errc::permission_denied       ? Errc::permission
                                                                    : Errc::io;
  return fail(code, "cannot read the folder " + folder + ": " + failure.message());
}

Result<std::string> create(const fs::path& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  const auto cause = [&] { return "cannot write " + path.string() + ": " + std::strerror(errno); };
  if (file < 0)
    return fail(errno == EEXIST   ? Errc::conflict
                : errno == EACCES ? Errc::permission
                                  : Errc::io,
                cause(), errno == EEXIST);
  const auto written = ::write(file, text.data(), text.size());
  const bool whole = written == static_cast<ssize_t>(text.size());
  if (::close(file) != 0 || !whole) return fail(Errc::io, cause());
  return path.string();
}

}  // namespace

Result<std::string> write_migration(const migrations::MigrationSource& source, const std::string& folder,
                                    const std::string& name) {
  const auto highest = highest_version(folder);
  if (!highest) return fail(highest.error());
  char number[24];
  std::snprintf(number, sizeof number, "V%04ld__", *highest + 1);
  const auto file = number + migrations::file_slug(name) + ".sql";
  return create(fs::path(folder) / file, migrations::migration_text(source, file));
}

}  // namespace pgtend::engine
