#include "agent/config/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "agent/base/strings.hpp"
#include "agent/config/files.hpp"
#include "agent/config/utf8.hpp"

namespace pgtend::config {

namespace {

Position position(const YAML::Mark& mark) {
  return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1};
}

// Thrown by the builder through yaml-cpp's parser and caught in parse_yaml.
struct Refused {
  Position at;
  std::string message;
};

// Whether the quote that opens at or after `at` is closed again: yaml-cpp takes the end of the file for the closing
// quote, and a forgotten one would swallow every key below it.
bool is_closed(std::string_view text, Position at) {
  std::size_t i = 0;
  for (int line = 1; line < at.line && i != std::string_view::npos; ++line) {
    i = text.find('\n', i);
    if (i != std::string_view::npos) ++i;
  }
  if (i == std::string_view::npos) return true;
  i = text.find_first_of("\"'", i + static_cast<std::size_t>(std::max(at.column, 1) - 1));
  if (i == std::string_view::npos) return true;
  const char quote = text[i];
  for (++i; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return true;
      ++i;
    }
  }
  return false;
}

class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(std::string file, std::vector<ConfigError>& errors) : file_(std::move(file)), errors_(errors) {}

  [[nodiscard]] std::shared_ptr<Node> root() const { return root_; }
  // Of the last quoted scalar, the only one that can be left open.
  [[nodiscard]] std::optional<Position> last_quoted() const { return last_quoted_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(NodeKind::null, mark, anchor, "", false); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    leaf(NodeKind::scalar, mark, anchor, value, tag == "!");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refused{position(mark), "this alias names a value that holds itself"};
    add(found->second, position(mark));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(NodeKind::list, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(NodeKind::map, mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    bool drop_value = false;  // of a duplicate key
    bool is_merge = false;    // the key is <<
    NodePtr merged;           // what it brings
    Entry pending;
    std::map<std::string, int> lines;  // of the keys seen
  };

  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") throw Refused{position(mark), "tags (!name) are not supported"};
  }

  void leaf(NodeKind kind, const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& value, bool quoted) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->at = position(mark);
    node->scalar = value;
    node->quoted = quoted;
    if (quoted) last_quoted_ = node->at;
    if (anchor != 0) anchors_[anchor] = node;
    add(node, node->at);
  }

  void open(NodeKind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (frames_.size() >= static_cast<std::size_t>(kMaxDepth))
      throw Refused{position(mark), "nested deeper than " + std::to_string(kMaxDepth) + " levels"};
    Frame frame;
    frame.node = std::make_shared<Node>();
    frame.node->kind = kind;
    frame.node->at = position(mark);
    frame.anchor = anchor;
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame done = std::move(frames_.back());
    frames_.pop_back();
    if (done.merged != nullptr) merge(done);
    if (done.anchor != 0) anchors_[done.anchor] = done.node;
    add(done.node, done.node->at);
  }

  void add(const std::shared_ptr<Node>& node, Position at) {
    if (frames_.empty()) {
      root_ = node;
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node->kind == NodeKind::list) {
      grow(frame, *node, at);
      frame.node->items.push_back(node);
    } else if (frame.has_key) {
      add_value(frame, node, at);
    } else {
      add_key(frame, *node, at);
    }
  }

  void add_key(Frame& frame, const Node& node, Position at) {
    if (node.kind != NodeKind::scalar) throw Refused{at, "a key must be plain text"};
    frame.has_key = true;
    frame.pending = Entry{node.scalar, at, nullptr};
    const auto [seen, is_new] = frame.lines.emplace(node.scalar, at.line);
    frame.drop_value = !is_new;
    frame.is_merge = node.scalar == "<<" && !node.quoted;
    if (!is_new)
      errors_.push_back({file_, at.line, at.column, "duplicate key '" + node.scalar + "'",
                         "it is already set in line " + std::to_string(seen->second)});
  }

  void add_value(Frame& frame, const std::shared_ptr<Node>& node, Position at) {
    frame.has_key = false;
    if (frame.drop_value) return;
    grow(frame, *node, at);
    if (frame.is_merge) {
      if (!can_merge(*node)) throw Refused{at, "'<<' takes a map, or a list of maps"};
      frame.merged = node;
      return;
    }
    frame.pending.value = node;
    frame.node->entries.push_back(std::move(frame.pending));
  }

  static bool can_merge(const Node& node) {
    const auto is_map = [](const NodePtr& item) { return item->kind == NodeKind::map; };
    return node.kind == NodeKind::map ||
           (node.kind == NodeKind::list && std::all_of(node.items.begin(), node.items.end(), is_map));
  }

  // The entries that the map does not have itself; of a list of maps the first that has a key counts.
  static void merge(Frame& frame) {
    const auto take = [&](const Node& from) {
      for (const auto& entry : from.entries)
        if (frame.lines.emplace(entry.key, entry.at.line).second) frame.node->entries.push_back(entry);
    };
    if (frame.merged->kind == NodeKind::map) return take(*frame.merged);
    for (const auto& item : frame.merged->items) take(*item);
  }

  // Open frames hold only finished children, so the sum below them is the size of what a reader will walk.
  void grow(Frame& frame, const Node& child, Position at) {
    frame.node->weight += child.weight;
    if (frame.node->weight > kMaxNodes)
      throw Refused{at, "more than " + std::to_string(kMaxNodes) + " values, aliases counted each time"};
  }

  std::string file_;
  std::vector<ConfigError>& errors_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, std::shared_ptr<Node>> anchors_;
  std::shared_ptr<Node> root_;
  std::optional<Position> last_quoted_;
};

// The cure when a tab indents the line that cannot be read, or the one before it.
std::string tab_in(std::string_view text, int line) {
  const auto lines = split(text, '\n');
  for (int number = line; number >= line - 1 && number >= 1; --number) {
    if (static_cast<std::size_t>(number) > lines.size()) continue;
    const auto& given = lines[static_cast<std::size_t>(number) - 1];
    const auto first = given.find_first_not_of(' ');
    if (first != std::string::npos && given[first] == '\t')
      return "line " + std::to_string(number) + " is indented with a tab; YAML takes only spaces there";
  }
  return {};
}

}  // namespace

Tree parse_yaml(std::string_view text, const std::string& file) {
  Tree tree;
  tree.root = std::make_shared<Node>();
  if (text.size() > kMaxFileBytes) {
    tree.errors.push_back({file, 0, 0, "the file is larger than 4 MB", ""});
    return tree;
  }
  // The parser takes it for the end of the file and leaves out the rest without a word.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    const auto before = text.substr(0, nul);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const auto start = before.find_last_of('\n');
    const auto column = nul - (start == std::string_view::npos ? 0 : start + 1) + 1;
    tree.errors.push_back({file, static_cast<int>(line), static_cast<int>(column), "the file holds a NUL character",
                           "a text file has none: was it cut off while it was written?"});
    return tree;
  }
  // Bytes of another encoding would reach the server and the web page as something else than was meant.
  for (const auto& at : not_utf8(text)) {
    tree.unreadable_lines.push_back(at.line);
    tree.errors.push_back({file, at.line, at.column, std::string(kNotUtf8), "save the file as UTF-8"});
  }
  Builder builder(file, tree.errors);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (parser.HandleNextDocument(builder)) {
      if (builder.root()) tree.root = builder.root();
      if (builder.last_quoted() && !is_closed(text, *builder.last_quoted()))
        throw Refused{*builder.last_quoted(), "the quote that opens here is never closed"};
      Builder second(file, tree.errors);
      if (parser.HandleNextDocument(second))
        throw Refused{second.root() ? second.root()->at : Position{}, "more than one YAML document in the file"};
    }
  } catch (const Refused& refused) {
    tree.errors.push_back({file, refused.at.line, refused.at.column, refused.message, ""});
  } catch (const YAML::Exception& error) {
    const Position at = position(error.mark);
    tree.errors.push_back({file, at.line, at.column, "not valid YAML: " + error.msg, tab_in(text, at.line)});
  } catch (const std::exception& error) {
    tree.errors.push_back({file, 0, 0, std::string("not valid YAML: ") + error.what(), ""});
  }
  return tree;
}

}  // namespace pgtend::config
