#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/base/strings.hpp"
#include "agent/change/migrate/file.hpp"

namespace pgtend::migrate {

namespace {

Result<std::string> read_text(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::file_size(path, ignored) > sql::kMaxScriptBytes && !ignored)
    return fail(Errc::parse, path.string() + ":1: the file is larger than 16 MB; load what is data by other means");
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || in.bad()) return fail(Errc::io, "cannot read " + path.string());
  return text.str();
}

bool comes_before(const MigrationFile& a, const MigrationFile& b) {
  if (a.repeatable != b.repeatable) return b.repeatable;
  return a.repeatable ? a.name < b.name : a.version < b.version;
}

// Mistakes that no file shows alone.
void check_together(const std::vector<MigrationFile>& files, std::vector<std::string>& mistakes) {
  const MigrationFile* before = nullptr;
  for (const auto& file : files) {
    if (!file.repeatable && before != nullptr && !before->repeatable && before->version == file.version)
      mistakes.push_back(file.path + ":1: version " + std::to_string(file.version) + " is that of " + before->path +
                         " too; give one of them the next number");
    for (const auto needed : file.needs) {
      const bool known = std::any_of(files.begin(), files.end(), [&](const MigrationFile& other) {
        return !other.repeatable && other.version == needed;
      });
      if (!known)
        mistakes.push_back(file.path + ":1: requires version " + std::to_string(needed) +
                           ", of which there is no file");
    }
    before = &file;
  }
}

}  // namespace

Result<std::vector<MigrationFile>> read_folder(const std::string& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error))
    return fail(Errc::not_found, "there is no folder " + folder +
                                     "; name that of the migration files with --dir, or make the first file: pgtend "
                                     "migrate new NAME --dir " +
                                     folder);
  std::vector<MigrationFile> out;
  std::vector<std::string> mistakes;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const auto name = entry.path().filename().string();
    const bool meant = name.ends_with(".sql") && (name.starts_with("V") || name.starts_with("R"));
    if (!meant || !entry.is_regular_file(error)) continue;
    auto text = read_text(entry.path());
    if (!text) return fail(std::move(text.error()));
    auto file = parse_migration(entry.path().string(), *text);
    if (file) {
      out.push_back(std::move(*file));
    } else {
      mistakes.push_back(file.error().message);
    }
  }
  if (error) return fail(Errc::io, "cannot read folder " + folder + ": " + error.message());
  std::sort(out.begin(), out.end(), comes_before);
  std::sort(mistakes.begin(), mistakes.end());
  check_together(out, mistakes);
  if (!mistakes.empty()) return fail(Errc::parse, join(mistakes, "\n"));
  return out;
}

}  // namespace pgtend::migrate
