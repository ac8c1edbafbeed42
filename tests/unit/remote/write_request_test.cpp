#include "agent/remote/write_request.hpp"

#include <bit>
#include <cstdlib>
#include <limits>
#include <random>

#include "agent/remote/answer.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/remote/decoded_request.hpp"

using namespace pgtend;
using namespace pgtend::remote;
using namespace pgtend::test;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::vector<DecodedSeries> round_trip(const WriteRequest& request) {
  const auto body = request.body();
  REQUIRE(body);
  return decode_request(*body);
}

}  // namespace

TEST_CASE("labels are in the order of their names, and a series' own label wins over an external one") {
  const SeriesKey key{"pg_up", {{"Zone", "z"}, {"instance", "own"}, {"server", "a"}}};
  const Labels external{{"A", "1"}, {"instance", "main"}, {"site", "berlin"}};
  const std::vector<Sample> samples{{from_ms(1'000), 1}};
  WriteRequest request;
  request.add(key, external, samples);
  const auto decoded = round_trip(request);
  REQUIRE(decoded.size() == 1);
  CHECK(
      decoded[0].labels ==
      Pairs{
          {"A", "1"}, {"Zone", "z"}, {"__name__", "pg_up"}, {"instance", "own"}, {"server", "a"}, {"site", "berlin"}});
}

TEST_CASE("a series without samples is no part of a request") {
  WriteRequest request;
  request.add(SeriesKey{"pg_up", {}}, {}, {});
  CHECK(request.empty());
  CHECK(round_trip(request).empty());
}

TEST_CASE("what is known of a metric is said under its name and its exporter's") {
  WriteRequest request;
  request.add({"pgtend_size_bytes", MetricKind::gauge, "bytes", "Size of it.", "", ""});
  request.add({"pgtend_commits_total", MetricKind::counter, "", "Commits.", "", "pg_stat_database_xact_commit"});
  CHECK(request.empty());
  std::vector<DecodedMetric> metrics;
  const auto body = request.body();
  REQUIRE(body);
  CHECK(decode_request(*body, &metrics).empty());
  CHECK(metrics == std::vector<DecodedMetric>{{2, "pgtend_size_bytes", "Size of it.", "bytes"},
                                              {1, "pgtend_commits_total", "Commits.", ""},
                                              {1, "pg_stat_database_xact_commit", "Commits.", ""}});
}

TEST_CASE("every value arrives with its bits, stale markers and NaN payloads too") {
  const auto seed = std::getenv("PGTEND_SEED") != nullptr
                        ? static_cast<std::uint32_t>(std::strtoul(std::getenv("PGTEND_SEED"), nullptr, 10))
                        : std::random_device{}();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937_64 random(seed);
  WriteRequest request;
  std::vector<DecodedSeries> expected;
  for (int s = 0; s < 200; ++s) {
    const SeriesKey key{"m" + std::to_string(s), {{"l", std::string(random() % 300, 'x') + "\xc3\xa4"}}};
    DecodedSeries want;
    want.labels = {{"__name__", key.name}, {"l", std::string(key.labels.get("l"))}};
    std::vector<Sample> samples;
    for (std::uint64_t i = 0, n = 1 + random() % 20; i < n; ++i) {
      const std::uint64_t bits = i == 0 ? kStaleNanBits : random();
      const auto at = static_cast<std::int64_t>(random() % (std::uint64_t{1} << (1 + random() % 50)));
      samples.push_back({from_ms(at), std::bit_cast<double>(bits)});
      want.samples.emplace_back(at, bits);
    }
    request.add(key, {}, samples);
    expected.push_back(std::move(want));
  }
  CHECK(round_trip(request) == expected);
}

TEST_CASE("what an answer means for the samples") {
  const auto fate = [](int status) { return judge(status, {}, from_ms(0)).fate; };
  for (const int taken : {200, 204}) CHECK(fate(taken) == Fate::taken);
  for (const int refused : {400, 413, 422}) CHECK(fate(refused) == Fate::refused);
  // A wrong token or path says nothing about the samples.
  for (const int later : {301, 401, 403, 404, 408, 429, 500, 502, 503}) CHECK(fate(later) == Fate::later);
  CHECK(judge(429, {{"retry-after", "7"}}, from_ms(0)).retry_after == Millis(7'000));
  CHECK(judge(503, {}, from_ms(0)).doubtful);
  CHECK_FALSE(judge(429, {}, from_ms(0)).doubtful);
}
