// What a reload leaves alone.
#include <array>

#include "agent/config/config.hpp"
#include "agent/config/schema.hpp"

namespace pgtend::config {

namespace {

struct Kept {
  std::string_view key;
  void (*keep)(const Config& running, Config& loaded);
};

template <auto Section, auto Member>
constexpr Kept kept(std::string_view key) {
  return {key, [](const Config& running, Config& loaded) { (loaded.*Section).*Member = (running.*Section).*Member; }};
}

using C = Config;
using P = PostgresqlConfig;
using H = HistoryConfig;
using N = HttpConfig;

// Read once at start: sessions and files that are open, sockets that listen and who may use them, the identity of the
// series.
constexpr std::array kKept{
    kept<&C::instance, &InstanceConfig::name>("instance.name"),
    kept<&C::postgresql, &P::host>("postgresql.host"),
    kept<&C::postgresql, &P::port>("postgresql.port"),
    kept<&C::postgresql, &P::user>("postgresql.user"),
    kept<&C::postgresql, &P::database>("postgresql.database"),
    kept<&C::postgresql, &P::passfile>("postgresql.passfile"),
    kept<&C::postgresql, &P::sslmode>("postgresql.sslmode"),
    kept<&C::postgresql, &P::sslrootcert>("postgresql.sslrootcert"),
    kept<&C::postgresql, &P::sslcert>("postgresql.sslcert"),
    kept<&C::postgresql, &P::sslkey>("postgresql.sslkey"),
    kept<&C::postgresql, &P::sslcrl>("postgresql.sslcrl"),
    kept<&C::postgresql, &P::insecure_ok>("postgresql.insecure_ok"),
    kept<&C::postgresql, &P::operator_role>("postgresql.operator"),
    kept<&C::postgresql, &P::connect_timeout>("postgresql.connect_timeout"),
    kept<&C::collection, &CollectionConfig::max_series>("collection.max_series"),
    kept<&C::history, &H::path>("history.path"),
    kept<&C::history, &H::retention>("history.retention"),
    kept<&C::history, &H::retention_5m>("history.retention_5m"),
    kept<&C::history, &H::retention_1h>("history.retention_1h"),
    kept<&C::history, &H::max_bytes>("history.max_bytes"),
    kept<&C::history, &H::min_free_bytes>("history.min_free_bytes"),
    kept<&C::history, &H::min_free_ratio>("history.min_free_ratio"),
    kept<&C::history, &H::max_series_per_collector>("history.max_series_per_collector"),
    kept<&C::ledger, &LedgerConfig::path>("ledger.path"),
    kept<&C::http, &N::listen>("http.listen"),
    kept<&C::http, &N::socket>("http.socket"),
    kept<&C::http, &N::tls_certificate_file>("http.tls_certificate_file"),
    kept<&C::http, &N::tls_key_file>("http.tls_key_file"),
    kept<&C::http, &N::tokens>("http.tokens"),
    kept<&C::http, &N::socket_viewers>("http.socket_viewers"),
    kept<&C::http, &N::socket_approvers>("http.socket_approvers"),
    kept<&C::http, &N::socket_admins>("http.socket_admins"),
    kept<&C::compat, &CompatConfig::version>("compat.version"),
    kept<&C::compat, &CompatConfig::dashboard_9628>("compat.dashboard_9628"),
    kept<&C::host, &HostConfig::proc>("host.proc"),
};

using Leaves = std::vector<std::pair<std::string, std::string>>;

// The key itself, or what stands in it.
Leaves leaves_of(const Leaves& all, std::string_view key) {
  Leaves out;
  for (const auto& leaf : all) {
    if (!leaf.first.starts_with(key)) continue;
    const auto rest = std::string_view(leaf.first).substr(key.size());
    if (rest.empty() || rest.front() == '.' || rest.front() == '[') out.push_back(leaf);
  }
  return out;
}

}  // namespace

std::vector<std::string> reload_differences(const Config& running, const Config& loaded) {
  std::vector<std::string> out;
  const auto before = flat(running), now = flat(loaded);
  for (const auto& each : kKept)
    if (leaves_of(before, each.key) != leaves_of(now, each.key)) out.emplace_back(each.key);
  return out;
}

Config until_restart(const Config& running, Config loaded) {
  for (const auto& each : kKept) each.keep(running, loaded);
  return loaded;
}

}  // namespace pgtend::config
