#include "agent/engine/eval_options.hpp"

#include <algorithm>

namespace pgtend::engine {

promql::EvalOptions eval_options(const Parts& parts, Millis timeout) {
  const auto& config = parts.config->promql;
  promql::EvalOptions options;
  options.left_open = config.range_boundary == "left_open";
  options.lookback = config.lookback;
  options.lookbacks = parts.lookbacks;
  options.max_samples = static_cast<std::size_t>(config.max_samples);
  options.clock = &parts.clock;
  const Millis allowed = timeout.count() > 0 ? std::min(timeout, config.timeout) : config.timeout;
  options.deadline = parts.clock.steady_now() + allowed;
  return options;
}

}  // namespace pgtend::engine
