#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config/settings.hpp"
#include "alerts/dispatch.hpp"
#include "alerts/notifiers/receiver.hpp"

// From the configuration to what routing and receivers take.
namespace pgtend::engine {

// "oncall/slack/0": the name of one integration, stable as long as its place in the configuration is.
struct NamedIntegration {
  std::string id, receiver;
  config::IntegrationConfig config;
};

[[nodiscard]] std::vector<NamedIntegration> integrations(const config::AlertingConfig& alerting);
[[nodiscard]] std::optional<NamedIntegration> find_integration(const config::AlertingConfig& alerting,
                                                               const std::string& id);
[[nodiscard]] alerts::DispatchRules dispatch_rules(const config::AlertingConfig& alerting);

// What can be known without secrets: enough to render.
[[nodiscard]] alerts::ReceiverTarget target_of(const config::IntegrationConfig& integration);
// With addresses and secrets read from their files. Errors: those of the files, retryable: a secret may be about to be
// replaced.
[[nodiscard]] Result<alerts::ReceiverTarget> target_with_secrets(const config::IntegrationConfig& integration);

}  // namespace pgtend::engine
