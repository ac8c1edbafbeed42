#include "agent/config/config.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <tuple>

#include "agent/config/files.hpp"
#include "agent/config/schema.hpp"

namespace pgtend::config {

namespace {

class Loading {
 public:
  void read_file(const std::string& path) {
    out_.files.push_back(path);
    auto text = read_text(path);
    if (!text) {
      out_.errors.push_back({path, 0, 0, text.error().message, ""});
      return;
    }
    merge(*text, path);
  }

  void merge(std::string_view text, const std::string& file) {
    Tree tree = parse_yaml(text, file);
    for (auto& error : tree.errors) out_.errors.push_back(std::move(error));
    for (const int line : tree.unreadable_lines) unreadable_.emplace(file, line);
    Reader reader(file, out_.errors, out_.origins);
    read_map(reader, Entry{"the file", tree.root->at, tree.root}, config_table(), out_.config);
  }

  void add_error(std::string file, std::string message) {
    out_.errors.push_back({std::move(file), 0, 0, std::move(message), ""});
  }

  void name_text(const std::string& file) { out_.files.push_back(file); }

  LoadedConfig finish() {
    validate(out_.config, out_.origins, out_.errors);
    warn(out_.config, out_.origins, out_.warnings);
    std::erase_if(out_.errors, [this](const ConfigError& error) {
      return unreadable_.contains({error.file, error.line}) && error.message != kNotUtf8;
    });
    in_file_order(out_);
    return std::move(out_);
  }

 private:
  LoadedConfig out_;
  std::set<std::pair<std::string, int>> unreadable_;
};

void sort_by_place(std::vector<ConfigError>& errors, const std::vector<std::string>& files) {
  const auto rank = [&](const ConfigError& error) {
    const auto at = std::find(files.begin(), files.end(), error.file);
    return std::make_tuple(at - files.begin(), error.line, error.column);
  };
  std::stable_sort(errors.begin(), errors.end(),
                   [&](const ConfigError& a, const ConfigError& b) { return rank(a) < rank(b); });
}

}  // namespace

void in_file_order(LoadedConfig& loaded) {
  sort_by_place(loaded.errors, loaded.files);
  sort_by_place(loaded.warnings, loaded.files);
}

LoadedConfig load(const std::string& main_file) {
  const std::filesystem::path path(main_file);
  return load(main_file, (path.parent_path() / "conf.d").string());
}

LoadedConfig load(const std::string& main_file, const std::string& drop_in_directory) {
  Loading loading;
  loading.read_file(main_file);
  if (!drop_in_directory.empty()) {
    auto files = list_yaml(drop_in_directory);
    if (!files) loading.add_error(drop_in_directory, files.error().message);
    if (files)
      for (const auto& file : *files) loading.read_file(file);
  }
  return loading.finish();
}

LoadedConfig load_text(std::string_view text, const std::string& file_name) {
  Loading loading;
  loading.name_text(file_name);
  loading.merge(text, file_name);
  return loading.finish();
}

LoadedConfig defaults() {
  return {};
}

bool is_local_host(std::string_view host) {
  return host.empty() || host.front() == '/' || host.front() == '@' || host == "localhost" || host == "::1" ||
         host.starts_with("127.");
}

std::string effective_sslmode(const std::string& host, const std::string& sslmode) {
  if (!sslmode.empty()) return sslmode;
  return is_local_host(host) ? "prefer" : "verify-full";
}

std::string effective_sslmode(const PostgresqlConfig& postgresql) {
  return effective_sslmode(postgresql.host, postgresql.sslmode);
}

}  // namespace pgtend::config
