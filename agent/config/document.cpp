// What the table of keys says about itself: reference, sample file, effective configuration.
#include "agent/config/config.hpp"
#include "agent/config/schema.hpp"

namespace pgtend::config {

namespace {

constexpr std::size_t kWidth = 110;

// `text` in lines of at most kWidth: the first behind `prefix`, the others behind `next`.
void wrap(std::string& out, std::string prefix, const std::string& next, const std::string& text) {
  std::string line;
  for (const auto& word : split(text, ' ')) {
    if (!line.empty() && prefix.size() + line.size() + 1 + word.size() > kWidth) {
      out += prefix + line + "\n";
      line.clear();
      prefix = next;
    }
    line += (line.empty() ? "" : " ") + word;
  }
  if (!line.empty()) out += prefix + line + "\n";
}

void reference_of(std::string& out, const std::vector<KeyDoc>& keys, const std::string& path) {
  for (const auto& key : keys) {
    const std::string name = path + key.key;
    const bool has_default = key.children.empty() && !key.value.empty();
    out += name + "  (" + key.type + (has_default ? "; default " + key.value : "") + ")\n";
    wrap(out, "    ", "    ", key.doc);
    reference_of(out, key.children, name + (key.is_list ? "[]." : "."));
  }
}

// Meaning, and the type where the default does not show it.
std::string about(const KeyDoc& key) {
  for (const auto* plain : {"text", "path", "true or false", "list of text", "section"})
    if (key.type == plain) return key.doc;
  const std::string type = "(" + key.type + ")";
  return key.doc.empty() ? type : key.doc + " " + type;
}

// Keys of a list's item, as prose: an item has no default that could be commented out.
void sample_item(std::string& out, const std::vector<KeyDoc>& keys, const std::string& prefix) {
  for (const auto& key : keys) {
    wrap(out, prefix, prefix + "    ", key.key + ": " + about(key));
    sample_item(out, key.children, prefix + "  ");
  }
}

void sample_of(std::string& out, const std::vector<KeyDoc>& keys, const std::string& indent) {
  const std::string prose = indent + "# ";
  for (const auto& key : keys) {
    if (indent.empty()) out += "\n";
    if (key.is_list) {
      wrap(out, prose, prose, key.doc + " Keys of an item:");
      sample_item(out, key.children, prose + "  ");
      out += indent + "#" + key.key + ": []\n";
    } else if (!key.children.empty()) {
      wrap(out, prose, prose, key.doc);
      out += indent + key.key + ":\n";
      sample_of(out, key.children, indent + "  ");
    } else {
      if (!key.doc.empty()) wrap(out, prose, prose, about(key));
      out += indent + "#" + key.key + ":" + (key.value.empty() ? "" : " " + key.value) + "\n";
    }
  }
}

void flatten(std::vector<std::pair<std::string, std::string>>& out, const std::vector<KeyDoc>& keys,
             const std::string& path) {
  for (const auto& key : keys) {
    const std::string name = path + key.key;
    if (key.is_list) {
      for (std::size_t i = 0; i < key.items.size(); ++i)
        flatten(out, key.items[i], name + "[" + std::to_string(i) + "].");
      if (key.items.empty()) out.emplace_back(name, "[]");
    } else if (!key.children.empty()) {
      flatten(out, key.children, name + ".");
    } else {
      out.emplace_back(name, key.value);
    }
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> flat(const Config& config) {
  std::vector<std::pair<std::string, std::string>> out;
  flatten(out, describe(config_table(), config), "");
  return out;
}

std::string reference() {
  std::string out;
  reference_of(out, describe(config_table(), Config{}), "");
  return out;
}

std::string sample_yaml() {
  std::string out =
      "# Configuration of pgtend. Every key stands here with its default; take the # away to change one.\n"
      "# Durations are written 500ms, 30s, 5m, 1h30m, 7d and sizes 64kB, 512MB, 10GB. Files in conf.d next to this\n"
      "# one are read after it, in the order of their names: they override single values and plain lists, merge maps,\n"
      "# and append to the lists of policy rules, windows, receivers, tokens and rule files.\n"
      "# `pgtend check-config` names every mistake with its place. A reload (SIGHUP) takes over what it can; `pgtend "
      "status`\n"
      "# names what waits for a restart.\n";
  sample_of(out, describe(config_table(), Config{}), "");
  return out;
}

std::string dump(const Config& config) {
  std::string out;
  for (const auto& [key, value] : flat(config))
    if (!key.ends_with(".sha256")) out += key + ": " + value + "\n";
  return out;
}

}  // namespace pgtend::config
