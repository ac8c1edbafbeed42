#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "agent/base/strings.hpp"
#include "rules/promql/functions.hpp"
#include "rules/promql/query.hpp"

namespace pgtend::promql::functions {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Bucket {
  double upper = 0;
  double count = 0;  // cumulative
};

// The upper bound that a value of the label "le" names; nullopt when it is no number.
std::optional<double> upper_bound_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::string lower = to_lower(text);
  double value = 0;
  if (lower == "inf" || lower == "infinity") {
    value = kInf;
  } else if (lower == "nan") {
    value = kNan;
  } else {
    const auto [end, ec] = std::from_chars(lower.data(), lower.data() + lower.size(), value);
    if (ec != std::errc() || end != lower.data() + lower.size()) return std::nullopt;
  }
  return negative ? -value : value;
}

// Buckets of one bound are one bucket; a count that falls, as rates of buckets scraped apart may, is raised.
void tidy(std::vector<Bucket>& buckets) {
  std::size_t last = 0;
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    if (buckets[i].upper == buckets[last].upper) {
      buckets[last].count += buckets[i].count;
    } else {
      buckets[++last] = buckets[i];
    }
  }
  buckets.resize(last + 1);
  double most = buckets.front().count;
  for (auto& bucket : buckets) {
    if (bucket.count > most) most = bucket.count;
    if (bucket.count < most) bucket.count = most;
  }
}

double bucket_quantile(double q, std::vector<Bucket>& buckets) {
  if (std::isnan(q)) return kNan;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  std::sort(buckets.begin(), buckets.end(), [](const Bucket& a, const Bucket& b) {
    return std::isnan(a.upper) ? !std::isnan(b.upper) : a.upper < b.upper;
  });
  if (buckets.back().upper != kInf) return kNan;
  tidy(buckets);
  if (buckets.size() < 2) return kNan;
  const double observations = buckets.back().count;
  if (observations == 0) return kNan;
  double rank = q * observations;
  const auto found = std::partition_point(buckets.begin(), buckets.end() - 1,
                                          [rank](const Bucket& bucket) { return !(bucket.count >= rank); });
  const auto at = static_cast<std::size_t>(found - buckets.begin());
  if (at == buckets.size() - 1) return buckets[at - 1].upper;
  if (at == 0 && buckets[0].upper <= 0) return buckets[0].upper;
  double start = 0, count = buckets[at].count;
  if (at > 0) {
    start = buckets[at - 1].upper;
    count -= buckets[at - 1].count;
    rank -= buckets[at - 1].count;
  }
  return start + (buckets[at].upper - start) * (rank / count);
}

}  // namespace

Result<Elements> histogram_quantile(Query& query, const Call& call, UtcTime at) {
  const auto q = query.scalar(*call.args[0], at);
  if (!q) return fail(q.error());
  const auto elements = query.vector(*call.args[1], at);
  if (!elements) return elements;
  std::vector<std::pair<const Labels*, std::vector<Bucket>>> histograms;
  std::unordered_map<const Labels*, std::size_t> index;
  for (const auto& element : *elements) {
    const auto upper = upper_bound_of(element.labels->get("le"));
    if (!upper) continue;
    const Labels* key = query.labels().derive(&call, element.labels, [](Labels labels) {
      labels.erase("le");
      return labels;
    });
    const auto [found, added] = index.try_emplace(key, histograms.size());
    if (added) histograms.push_back({key, {}});
    histograms[found->second].second.push_back({*upper, element.value});
  }
  Elements out;
  for (auto& [labels, buckets] : histograms) {
    out.push_back({query.labels().without_name(labels), bucket_quantile(*q, buckets)});
  }
  return out;
}

}  // namespace pgtend::promql::functions
