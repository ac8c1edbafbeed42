#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config/settings.hpp"
#include "alerts/dispatch.hpp"
#include "alerts/notifiers/receiver.hpp"

// From the configuration to what routing and receivers take.
namespace pgtend::engine {

// An integration of the configuration, and of a mail the one of its addresses that this leads to.
struct Way : config::IntegrationConfig {
  std::string address;
};

// "oncall/slack/0": the name of one integration, stable as long as its place in the configuration is. The second
// address of a mail's `to` is "oncall/email/0.2".
struct NamedIntegration {
  std::string id, receiver;
  Way config;
};

[[nodiscard]] std::vector<NamedIntegration> integrations(const config::AlertingConfig& alerting);
[[nodiscard]] std::optional<NamedIntegration> find_integration(const config::AlertingConfig& alerting,
                                                               const std::string& id);
[[nodiscard]] alerts::DispatchRules dispatch_rules(const config::AlertingConfig& alerting);

// What can be known without secrets: enough to render.
[[nodiscard]] alerts::ReceiverTarget target_of(const Way& way);
// With addresses and secrets read from their files. Errors: those of the files, retryable: a secret may be about to be
// replaced.
[[nodiscard]] Result<alerts::ReceiverTarget> target_with_secrets(const Way& way);

}  // namespace pgtend::engine
