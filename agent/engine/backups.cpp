#include "agent/engine/backups.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

namespace pgtend::engine {

namespace {

using Json = nlohmann::json;

// A backup takes 1 to 2 kB of it, and no repository keeps thousands: more is another file.
constexpr std::int64_t kMostBytes = 16LL << 20;

const char* const kTypes[] = {"full", "diff", "incr"};

double number(const Json& object, const char* field) {
  const auto found = object.is_object() ? object.find(field) : object.end();
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

std::string text(const Json& object, const char* field) {
  const auto found = object.is_object() ? object.find(field) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& part(const Json& object, const char* field) {
  static const Json kNothing;
  const auto found = object.is_object() ? object.find(field) : object.end();
  return found != object.end() ? *found : kNothing;
}

// Whether a backup of this type is as good as one of `least`: after a full one no differential one is missed.
bool stands_for(const std::string& type, const std::string& least) {
  return least == "incr" || type == "full" || type == least;
}

class Samples {
 public:
  void gauge(const char* name, double value, Labels labels = {}) {
    out_.push_back({{name, std::move(labels)}, value, MetricKind::gauge, 0});
  }
  std::vector<SeriesSample> take() { return std::move(out_); }

 private:
  std::vector<SeriesSample> out_;
};

void add_backups(const Json& backups, const std::string& stanza, Samples& out) {
  std::map<std::string, double> kept, ended;
  const Json* last = nullptr;
  for (const auto& backup : backups) {
    const auto type = text(backup, "type");
    const double stop = number(part(backup, "timestamp"), "stop");
    if (last == nullptr || stop >= number(part(*last, "timestamp"), "stop")) last = &backup;
    for (const auto* least : kTypes) {
      if (type == least) ++kept[least];
      // One with errors has pages that did not check.
      if (stands_for(type, least) && part(backup, "error") != Json(true)) ended[least] = std::max(ended[least], stop);
    }
  }
  for (const auto* type : kTypes) out.gauge("pgtend_backup_count", kept[type], {{"stanza", stanza}, {"type", type}});
  for (const auto& [type, stop] : ended)
    out.gauge("pgtend_backup_last_time_seconds", stop, {{"stanza", stanza}, {"type", type}});
  if (last == nullptr) return;
  const Labels labels{{"stanza", stanza}};
  const auto& info = part(*last, "info");
  out.gauge("pgtend_backup_last_duration_seconds",
            number(part(*last, "timestamp"), "stop") - number(part(*last, "timestamp"), "start"), labels);
  out.gauge("pgtend_backup_last_size_bytes", number(info, "size"), labels);
  out.gauge("pgtend_backup_last_repository_bytes", number(part(info, "repository"), "delta"), labels);
  out.gauge("pgtend_backup_last_damaged", part(*last, "error") == Json(true) ? 1 : 0, labels);
}

}  // namespace

Result<std::vector<SeriesSample>> backup_samples(std::string_view info, UtcTime written) {
  const Json stanzas = Json::parse(info, nullptr, false);
  if (stanzas.is_discarded() || !stanzas.is_array())
    return fail(Errc::parse, "this is not the output of pgbackrest info --output=json");
  Samples out;
  out.gauge("pgtend_backup_info_time_seconds", to_seconds(written));
  for (const auto& stanza : stanzas) {
    const auto name = text(stanza, "name");
    if (name.empty()) return fail(Errc::parse, "a stanza of pgbackrest info has no name");
    out.gauge("pgtend_backup_stanza_ok", number(part(stanza, "status"), "code") == 0 ? 1 : 0, {{"stanza", name}});
    const auto& backups = part(stanza, "backup");
    if (backups.is_array()) add_backups(backups, name, out);
  }
  return out.take();
}

std::vector<MetricDef> backup_metrics() {
  constexpr auto gauge = MetricKind::gauge;
  const auto source = "pgbackrest info";
  return {
      {"pgtend_backup_info_time_seconds", gauge, "seconds", "When backup.pgbackrest_info was written, Unix time.",
       source, ""},
      {"pgtend_backup_stanza_ok", gauge, "", "1 when pgBackRest finds the stanza and its repositories in order.",
       source, ""},
      {"pgtend_backup_count", gauge, "", "Backups that are kept, by type (full, diff, incr).", source, ""},
      {"pgtend_backup_last_time_seconds", gauge, "seconds",
       "End of the last sound backup that is at least of this type, Unix time; type incr: of any. Absent when never.",
       source, ""},
      {"pgtend_backup_last_duration_seconds", gauge, "seconds", "How long the last backup took.", source, ""},
      {"pgtend_backup_last_size_bytes", gauge, "bytes", "Size of the database in the last backup.", source, ""},
      {"pgtend_backup_last_repository_bytes", gauge, "bytes", "What the last backup added to the repository.", source,
       ""},
      {"pgtend_backup_last_damaged", gauge, "", "1 when the last backup found pages whose checksum was wrong.", source,
       ""},
  };
}

Result<std::vector<SeriesSample>> read_backups(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  struct stat about{};
  if (!in || stat(file.c_str(), &about) != 0)
    return fail(Errc::io,
                "cannot read " + file + ": " + std::strerror(errno) +
                    "; write it each hour as the user of the backups: pgbackrest info --output=json > " + file +
                    ".new && mv " + file + ".new " + file,
                true);
  if (about.st_size > kMostBytes) return fail(Errc::parse, file + " is larger than 16 MB");
  std::ostringstream all;
  all << in.rdbuf();
  auto samples = backup_samples(all.str(), from_ms(static_cast<std::int64_t>(about.st_mtime) * 1000));
  if (!samples) return fail(std::move(samples.error()), file);
  return samples;
}

}  // namespace pgtend::engine
