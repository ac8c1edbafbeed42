#include "rules/promql/query.hpp"

#include <algorithm>
#include <limits>

#include "rules/promql/lexer.hpp"
#include "rules/promql/lookback.hpp"

namespace pgtend::promql {

bool Window::is_edge(std::size_t i) const {
  return std::binary_search(edges.begin(), edges.end(), base + i);
}

std::string label_list_text(const Labels& labels) {
  std::string out = "{";
  for (const auto& [name, value] : labels) {
    if (out.size() > 1) out += ", ";
    out += name + "=" + quote(value);
  }
  return out + "}";
}

namespace {

bool earlier(const Sample& sample, UtcTime time) {
  return sample.time < time;
}

// The first sample that is not `before`, looked for from `hint` on in growing steps: a query's steps go forward, so it
// is close.
template <class Before>
std::size_t border(const std::vector<Sample>& samples, std::size_t hint, Before before) {
  std::size_t low = std::min(hint, samples.size()), high = samples.size();
  if (low > 0 && !before(samples[low - 1])) {
    high = low - 1;
    low = 0;
  } else {
    std::size_t jump = 1;
    while (jump <= high - low && before(samples[low + jump - 1])) {
      low += jump;
      jump *= 2;
    }
    high = std::min(high, low + jump);
  }
  const auto all = samples.begin();
  const auto found =
      std::partition_point(all + static_cast<std::ptrdiff_t>(low), all + static_cast<std::ptrdiff_t>(high), before);
  return static_cast<std::size_t>(found - all);
}

// Leaves `falls` with the samples that are below the one before them. Moves edges to the samples that stay: an edge at
// a removed sample begins at the next kept one.
void drop_stale_samples(std::vector<Sample>& samples, std::vector<std::size_t>& edges,
                        std::vector<std::size_t>& falls) {
  bool stale = false;
  double before = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double now = samples[i].value;
    stale = stale || is_stale(now);
    if (now < before) falls.push_back(i);
    before = now;
  }
  if (!stale) return;
  falls.clear();
  std::vector<std::size_t> kept_edges;
  std::size_t kept = 0, next_edge = 0;
  bool pending = false;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (next_edge < edges.size() && edges[next_edge] == i) {
      pending = true;
      ++next_edge;
    }
    if (is_stale(samples[i].value)) continue;
    if (pending && kept > 0) kept_edges.push_back(kept);
    pending = false;
    if (kept > 0 && samples[i].value < samples[kept - 1].value) falls.push_back(kept);
    samples[kept++] = samples[i];
  }
  samples.resize(kept);
  edges = std::move(kept_edges);
}

}  // namespace

Result<void> Query::hold(std::size_t samples) {
  held_ += samples;
  if (held_ > options_.max_samples) {
    return fail(Errc::resource_exhausted,
                "query would hold more than " + std::to_string(options_.max_samples) + " samples in memory");
  }
  return {};
}

Result<void> Query::check() const {
  if (options_.deadline && options_.clock != nullptr && options_.clock->steady_now() >= *options_.deadline) {
    return fail(Errc::timeout, "query timed out in expression evaluation");
  }
  if (labels_.bytes() > options_.max_label_bytes) {
    return fail(Errc::resource_exhausted, "query would hold more than " + std::to_string(options_.max_label_bytes) +
                                              " bytes of labels in memory");
  }
  return {};
}

UtcTime Query::moment(const AtModifier& fixed, UtcTime at) const {
  switch (fixed.kind) {
    case AtModifier::Kind::none:
      return at;
    case AtModifier::Kind::time:
      return fixed.time;
    case AtModifier::Kind::start:
      return whole_.from;
    case AtModifier::Kind::end:
      return whole_.to;
  }
  return at;
}

Result<void> Query::load(const Expr& expr, TimeRange range, ReadHints hints) {
  const auto seen = [&](const AtModifier& at, Millis offset, Millis back) {
    return TimeRange{moment(at, range.from) - offset - back, moment(at, range.to) - offset};
  };
  if (const auto* selector = std::get_if<VectorSelector>(&expr.node)) {
    hints.first -= selector->offset;
    // One moment for all steps: they want the same sample, whatever the steps are.
    if (selector->at.kind != AtModifier::Kind::none) hints.every = Millis(0);
    return load_instant(expr, *selector, seen(selector->at, selector->offset, Millis(0)), hints);
  }
  if (const auto* matrix = std::get_if<MatrixSelector>(&expr.node)) {
    const auto& selector = std::get<VectorSelector>(matrix->selector->node);
    // Two samples make a rate.
    hints.resolution = std::min(hints.resolution, matrix->range / 2);
    hints.every = Millis(0);
    hints.stale_markers = false;
    return load_selector(expr, selector.matchers, seen(selector.at, selector.offset, matrix->range), true, hints);
  }
  if (const auto* node = std::get_if<Subquery>(&expr.node)) {
    return load(*node->expr, seen(node->at, node->offset, node->range));
  }
  if (const auto* call = std::get_if<Call>(&expr.node)) {
    if (call->function->name == "max_over_time") hints.take = ReadHints::Take::greatest;
    if (call->function->name == "min_over_time") hints.take = ReadHints::Take::least;
  }
  for (const Expr* child : children(expr)) {
    if (auto loaded = load(*child, range, hints); !loaded) return loaded;
  }
  return {};
}

// `moments`: those that the selector is asked for. What is looked for further back than the rest is loaded on its own,
// so that one slow metric does not make all others be read as far.
Result<void> Query::load_instant(const Expr& key, const VectorSelector& selector, TimeRange moments, ReadHints hints) {
  const auto slow = longer_lookbacks(options_, selector);
  const auto load_back = [&](const std::vector<Matcher>& matchers, Millis back) {
    auto own = hints;
    own.resolution = std::min(own.resolution, back);
    return load_selector(key, matchers, {moments.from - back, moments.to}, false, own);
  };
  if (!selector.name.empty()) return load_back(selector.matchers, lookback_for(options_, selector.name));
  if (auto loaded = load_back(selector.matchers, options_.lookback); !loaded || slow.empty()) return loaded;
  std::erase_if(loaded_[&key], [&](const LoadedSeries& series) {
    return std::ranges::any_of(slow, [&](const auto& own) { return series.labels->get("__name__") == own.first; });
  });
  for (const auto& [metric, back] : slow) {
    auto named = Matcher::make("__name__", MatchOp::equal, metric);
    if (!named) return fail(std::move(named.error()));
    auto matchers = selector.matchers;
    matchers.push_back(std::move(*named));
    if (auto loaded = load_back(matchers, back); !loaded) return loaded;
  }
  return {};
}

Result<void> Query::load_selector(const Expr& key, const std::vector<Matcher>& matchers, TimeRange range,
                                  bool drop_stale, ReadHints hints) {
  if (auto in_time = check(); !in_time) return in_time;
  history_.hint(hints);
  auto found = history_.select(matchers, range, options_.max_samples - std::min(held_, options_.max_samples));
  if (!found) return fail(found.error());
  auto& loaded = loaded_[&key];
  for (auto& data : *found) {
    const Millis lookback = lookback_for(options_, data.key.name);
    if (auto held = hold(data.samples.size()); !held) return held;
    Labels labels = std::move(data.key.labels);
    labels.set("__name__", std::move(data.key.name));
    LoadedSeries series;
    series.labels = labels_.intern(std::move(labels));
    series.samples = std::move(data.samples);
    series.edges = std::move(data.epoch_starts);
    series.lookback = lookback;
    if (drop_stale) {
      series.falls = std::move(data.falls);
      if (!series.falls) drop_stale_samples(series.samples, series.edges, series.falls.emplace());
      series.bare = labels_.without_name(series.labels);
    }
    loaded.push_back(std::move(series));
  }
  return {};
}

const Sample* Query::seen_at(LoadedSeries& series, UtcTime newest) const {
  series.end = border(series.samples, series.end, [&](const Sample& sample) { return sample.time <= newest; });
  if (series.end == 0) return nullptr;
  const Sample& sample = series.samples[series.end - 1];
  const UtcTime oldest = newest - series.lookback;
  if (sample.time < oldest || (options_.left_open && sample.time == oldest) || is_stale(sample.value)) return nullptr;
  return &sample;
}

Elements Query::select(const Expr& expr, UtcTime at, std::vector<UtcTime>* times) {
  Elements out;
  const auto& selector = std::get<VectorSelector>(expr.node);
  const UtcTime newest = moment(selector.at, at) - selector.offset;
  for (auto& series : loaded_[&expr]) {
    const Sample* sample = seen_at(series, newest);
    if (sample == nullptr) continue;
    out.push_back({series.labels, sample->value});
    if (times != nullptr) times->push_back(sample->time);
  }
  return out;
}

Result<Matrix> Query::select_steps(const Expr& expr) {
  Matrix out;
  const auto& selector = std::get<VectorSelector>(expr.node);
  for (auto& series : loaded_[&expr]) {
    if (auto in_time = check(); !in_time) return fail(in_time.error());
    Series steps{*series.labels, {}};
    steps.samples.reserve(
        std::min(series.samples.size(), static_cast<std::size_t>((whole_.to - whole_.from) / step_) + 1));
    for (UtcTime at = whole_.from; at <= whole_.to; at += step_)
      if (const Sample* sample = seen_at(series, moment(selector.at, at) - selector.offset))
        steps.samples.push_back({at, sample->value});
    if (auto held = hold(steps.samples.size()); !held) return fail(held.error());
    if (!steps.samples.empty()) out.push_back(std::move(steps));
  }
  return out;
}

Window Query::window(LoadedSeries& series, UtcTime from, UtcTime to, UtcTime at) const {
  series.begin = border(series.samples, series.begin, [&](const Sample& sample) {
    return options_.left_open ? sample.time <= from : sample.time < from;
  });
  series.end = border(series.samples, series.end, [&](const Sample& sample) { return sample.time <= to; });
  Window out;
  out.base = series.begin;
  out.samples = std::span(series.samples).subspan(out.base, std::max(series.end, out.base) - out.base);
  out.edges = series.edges;
  if (series.falls) out.falls = *series.falls;
  out.from = from;
  out.to = to;
  out.at = at;
  out.left_open = options_.left_open;
  return out;
}

Result<std::vector<RangeSeries>> Query::windows(const Expr& expr, UtcTime at) {
  if (auto in_time = check(); !in_time) return fail(in_time.error());
  const Expr& inner = unwrap(expr);
  if (const auto* node = std::get_if<Subquery>(&inner.node)) return subquery(inner, *node, at);
  const auto& matrix = std::get<MatrixSelector>(inner.node);
  const auto& selector = std::get<VectorSelector>(matrix.selector->node);
  const UtcTime to = moment(selector.at, at) - selector.offset;
  std::vector<RangeSeries> out;
  auto& loaded = loaded_[&inner];
  out.reserve(loaded.size());
  for (auto& series : loaded) {
    RangeSeries range{series.labels, series.bare, window(series, to - matrix.range, to, at)};
    if (!range.window.samples.empty()) out.push_back(range);
  }
  return out;
}

Result<std::vector<RangeSeries>> Query::subquery(const Expr& expr, const Subquery& node, UtcTime at) {
  const Millis step = node.step.value_or(options_.subquery_step);
  const UtcTime to = moment(node.at, at) - node.offset;
  const UtcTime from = to - node.range;
  SubqueryState& state = subqueries_[&expr];
  if (auto ran = run_subquery(state, node, {from, to}, step); !ran) return fail(ran.error());
  std::vector<RangeSeries> out;
  for (auto& series : state.series) {
    RangeSeries range{series.labels, series.bare, window(series, from, to, at)};
    if (!range.window.samples.empty()) out.push_back(range);
  }
  return out;
}

Result<void> Query::run_subquery(SubqueryState& state, const Subquery& node, TimeRange range, Millis step) {
  // Steps are multiples of the step since the epoch, whatever the moment of evaluation.
  const std::int64_t width = step.count();
  std::int64_t first = to_ms(range.from) / width * width;
  if (first < to_ms(range.from) || (options_.left_open && first == to_ms(range.from))) first += width;
  if (!state.started || from_ms(first) < state.first) {
    for (const auto& series : state.series) held_ -= series.samples.size();
    state = SubqueryState{};
    state.started = true;
    state.first = state.next = from_ms(first);
  }
  // Moments that lie between two windows are evaluated, too: an error there is one of the query, as in Prometheus.
  for (; state.next <= range.to; state.next += step) {
    // Steps without samples cost time too: a subquery of years at milliseconds must end without a deadline.
    if (++subquery_steps_ > options_.max_samples) {
      return fail(Errc::resource_exhausted,
                  "query would take more than " + std::to_string(options_.max_samples) + " subquery steps");
    }
    auto elements = vector(*node.expr, state.next);
    if (!elements) return fail(elements.error());
    if (auto held = hold(elements->size()); !held) return held;
    for (const auto& element : *elements) {
      const auto [found, added] = state.index.try_emplace(element.labels, state.series.size());
      if (added) {
        state.series.emplace_back();
        state.series.back().labels = element.labels;
        state.series.back().bare = labels_.without_name(element.labels);
      }
      state.series[found->second].samples.push_back({state.next, element.value});
    }
  }
  // What no later step can see goes, half at a time so that the cost stays linear.
  for (auto& series : state.series) {
    const auto old = std::lower_bound(series.samples.begin(), series.samples.end(), range.from, earlier);
    const auto count = static_cast<std::size_t>(old - series.samples.begin());
    if (count * 2 <= series.samples.size()) continue;
    series.samples.erase(series.samples.begin(), old);
    held_ -= count;
    state.first = std::max(state.first, range.from);
  }
  return {};
}

}  // namespace pgtend::promql
