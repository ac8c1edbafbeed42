#include <filesystem>
#include <fstream>

#include "agent/cli/migrate.hpp"

namespace pgtend::cli {

namespace {

struct NewFile {
  std::string folder = "migrations", name;
  bool repeatable = false;
};

std::string next_file(const NewFile& asked) {
  std::uint64_t newest = 0;
  std::size_t width = 4;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(asked.folder, ignored)) {
    const auto name = migrate::parse_file_name(entry.path().filename().string());
    if (!name || name->repeatable || name->version < newest) continue;
    newest = name->version;
    width = name->id.size() - 1;
  }
  const auto digits = std::to_string(newest + 1);
  return "V" + std::string(digits.size() < width ? width - digits.size() : 0, '0') + digits + "__" + asked.name +
         ".sql";
}

constexpr const char* kTemplate =
    "-- pgtend: risk=low\n"
    "-- @pre\n"
    "-- SELECT count(*) = 0 AS ok, count(*) AS rows FROM ... ;\n"
    "-- @up\n\n"
    "-- @post\n"
    "-- @down\n\n";
constexpr const char* kRepeatable = "-- Applied again whenever this file changes.\n-- @up\n\n";

void make_file(Context& context, const NewFile& asked) {
  const bool plain = !asked.name.empty() &&
                     asked.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
  if (!plain) throw CLI::ValidationError("name", "\"" + asked.name + "\" has more than a-z, 0-9, _ and -");
  std::error_code error;
  std::filesystem::create_directories(asked.folder, error);
  const auto file =
      std::filesystem::path(asked.folder) / (asked.repeatable ? "R__" + asked.name + ".sql" : next_file(asked));
  Error failure;
  failure.code = Errc::conflict;
  failure.message = file.string() + " is there already";
  if (std::filesystem::exists(file, error)) return report(context, failure);
  std::ofstream out(file);
  out << (asked.repeatable ? kRepeatable : kTemplate);
  out.close();
  failure.code = Errc::io;
  failure.message = "cannot write " + file.string();
  if (!out) return report(context, failure);
  print(context.json() ? Json{{"schema", "pgtend/v1"}, {"file", file.string()}}.dump(2) + "\n" : file.string() + "\n");
}

}  // namespace

void add_migrate_new(CLI::App& migrate, Context& context) {
  auto* command = migrate.add_subcommand("new", "make the next file");
  const auto asked = std::make_shared<NewFile>();
  command->add_option("--dir", asked->folder, "folder of the migration files")->type_name("DIR");
  command->add_option("name", asked->name, "what it does, like add_orders_index")->required();
  command->add_flag("--repeatable", asked->repeatable, "a file that is applied again whenever it changes");
  command->callback([&context, asked] { make_file(context, *asked); });
}

}  // namespace pgtend::cli
