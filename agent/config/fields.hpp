#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/config/reader.hpp"

// One table per struct: key, type, meaning, how to read and how to show. The same table decodes, hints, documents,
// writes the sample file and compares two configurations.
namespace pgtend::config {

struct KeyDoc {
  std::string key, type, doc;
  std::string value;                       // as YAML, of a leaf
  std::vector<KeyDoc> children;            // of a section, or of one fresh item of a list
  std::vector<std::vector<KeyDoc>> items;  // of a list: what is in it
  bool is_list = false;
};

template <class T>
struct Field {
  KeyDoc doc;
  std::function<void(Reader&, const Entry&, T&)> read;
  // Fills value and children from an object.
  std::function<void(const T&, KeyDoc&)> show;
  bool is_required = false;

  [[nodiscard]] Field required() && {
    is_required = true;
    return std::move(*this);
  }
};

template <class T>
using Table = std::vector<Field<T>>;

// Text that must be quoted to stay text in YAML, and lists of it.
[[nodiscard]] std::string show_text(const std::string& value);
[[nodiscard]] std::string show_list(const std::vector<std::string>& values);
// Pairs of text as a map in one line.
template <class Pairs>
[[nodiscard]] std::string show_map(const Pairs& pairs) {
  std::vector<std::string> shown;
  for (const auto& [name, value] : pairs) shown.push_back(name + ": " + show_text(value));
  return "{" + join(shown, ", ") + "}";
}

template <class T>
[[nodiscard]] std::vector<KeyDoc> describe(const Table<T>& table, const T& object) {
  std::vector<KeyDoc> out;
  for (const auto& field : table) {
    KeyDoc doc = field.doc;
    if (field.show) field.show(object, doc);
    out.push_back(std::move(doc));
  }
  return out;
}

// Reads one map; an empty value is an empty map. False when the value is something else.
template <class T>
bool read_map(Reader& reader, const Entry& where, const Table<T>& table, T& out) {
  if (!reader.is_map(where)) return false;
  std::vector<bool> seen(table.size(), false);
  std::vector<std::string> known;  // made for the first unknown key
  for (const auto& entry : where.value->entries) {
    const auto field =
        std::find_if(table.begin(), table.end(), [&](const Field<T>& each) { return each.doc.key == entry.key; });
    if (field == table.end()) {
      if (known.empty())
        for (const auto& each : table) known.push_back(each.doc.key);
      // A key that was misspelt is not missing as well.
      if (const auto meant = reader.unknown_key(entry, known))
        for (std::size_t i = 0; i < table.size(); ++i)
          if (table[i].doc.key == *meant) seen[i] = true;
      continue;
    }
    seen[static_cast<std::size_t>(field - table.begin())] = true;
    reader.enter(entry.key, Reader::where(entry));
    // `key:` with nothing behind it is a section left empty or a default left alone, never a wrong type.
    if (entry.value->kind != NodeKind::null || field->is_required) field->read(reader, entry, out);
    reader.leave();
  }
  for (std::size_t i = 0; i < table.size(); ++i)
    if (table[i].is_required && !seen[i]) reader.missing_key(Reader::where(where), table[i].doc.key, table[i].doc.doc);
  return true;
}

template <class T>
Field<T> text(std::string key, std::string T::* member, std::string doc, std::string type = "text") {
  return {{std::move(key), std::move(type), std::move(doc), "", {}, {}},
          [member](Reader& r, const Entry& e, T& out) { r.text(e, out.*member); },
          [member](const T& from, KeyDoc& to) { to.value = show_text(from.*member); }};
}

template <class T>
Field<T> boolean(std::string key, bool T::* member, std::string doc) {
  return {{std::move(key), "true or false", std::move(doc), "", {}, {}},
          [member](Reader& r, const Entry& e, T& out) { r.boolean(e, out.*member); },
          [member](const T& from, KeyDoc& to) { to.value = from.*member ? "true" : "false"; }};
}

inline std::string range_type(const std::string& what, const std::string& low, const std::string& high) {
  return what + ", " + low + " to " + high;
}
// 0.0001 rather than 1e-04, for people.
[[nodiscard]] std::string show_limit(double value);

template <class T, class Integer>
Field<T> integer(std::string key, Integer T::* member, std::int64_t low, std::int64_t high, std::string doc) {
  return {{std::move(key),
           range_type("whole number", std::to_string(low), std::to_string(high)),
           std::move(doc),
           "",
           {},
           {}},
          [=](Reader& r, const Entry& e, T& out) {
            std::int64_t value = 0;
            if (r.integer(e, value, low, high)) out.*member = static_cast<Integer>(value);
          },
          [member](const T& from, KeyDoc& to) { to.value = std::to_string(from.*member); }};
}

// An integer that may be absent.
template <class T>
Field<T> optional_integer(std::string key, std::optional<int> T::* member, std::int64_t low, std::int64_t high,
                          std::string doc) {
  return {{std::move(key),
           range_type("whole number", std::to_string(low), std::to_string(high)),
           std::move(doc),
           "",
           {},
           {}},
          [=](Reader& r, const Entry& e, T& out) {
            std::int64_t value = 0;
            if (r.integer(e, value, low, high)) out.*member = static_cast<int>(value);
          },
          [member](const T& from, KeyDoc& to) { to.value = from.*member ? std::to_string(*(from.*member)) : ""; }};
}

template <class T>
Field<T> number(std::string key, double T::* member, double low, double high, std::string doc) {
  return {{std::move(key), range_type("number", show_limit(low), show_limit(high)), std::move(doc), "", {}, {}},
          [=](Reader& r, const Entry& e, T& out) { r.number(e, out.*member, low, high); },
          [member](const T& from, KeyDoc& to) { to.value = format_double(from.*member); }};
}

template <class T>
Field<T> duration(std::string key, Millis T::* member, Millis low, Millis high, std::string doc) {
  return {
      {std::move(key), range_type("duration", format_duration(low), format_duration(high)), std::move(doc), "", {}, {}},
      [=](Reader& r, const Entry& e, T& out) { r.duration(e, out.*member, low, high); },
      [member](const T& from, KeyDoc& to) { to.value = format_duration(from.*member); }};
}

// The exact spelling that parse_bytes reads back.
[[nodiscard]] std::string show_bytes(std::int64_t value);

template <class T>
Field<T> bytes(std::string key, std::int64_t T::* member, std::int64_t low, std::int64_t high, std::string doc) {
  return {{std::move(key), range_type("size", show_bytes(low), show_bytes(high)), std::move(doc), "", {}, {}},
          [=](Reader& r, const Entry& e, T& out) { r.bytes(e, out.*member, low, high); },
          [member](const T& from, KeyDoc& to) { to.value = show_bytes(from.*member); }};
}

// A fixed set of names, kept as text.
template <class T>
Field<T> choice(std::string key, std::string T::* member, std::vector<std::string> names, std::string doc) {
  std::vector<std::string> written = names;
  std::erase(written, "");
  return {{std::move(key), join(written, " | "), std::move(doc), "", {}, {}},
          [=](Reader& r, const Entry& e, T& out) { r.choice(e, out.*member, names); },
          [member](const T& from, KeyDoc& to) { to.value = show_text(from.*member); }};
}

template <class Enum>
using EnumNames = std::vector<std::pair<Enum, std::string>>;

template <class Enum>
[[nodiscard]] std::vector<std::string> names_of(const EnumNames<Enum>& names) {
  std::vector<std::string> out;
  for (const auto& each : names) out.push_back(each.second);
  return out;
}

template <class Enum>
bool read_enum(Reader& reader, const Entry& entry, const EnumNames<Enum>& names, Enum& out) {
  std::string name;
  if (!reader.choice(entry, name, names_of(names))) return false;
  for (const auto& each : names)
    if (each.second == name) out = each.first;
  return true;
}

// A fixed set of names, kept as an enum (or an optional of it).
template <class T, class Stored, class Enum>
Field<T> one_of(std::string key, Stored T::* member, EnumNames<Enum> names, std::string doc) {
  const std::string type = join(names_of(names), " | ");
  return {{std::move(key), type, std::move(doc), "", {}, {}},
          [=](Reader& r, const Entry& e, T& out) {
            Enum value{};
            if (read_enum(r, e, names, value)) out.*member = value;
          },
          [=](const T& from, KeyDoc& to) {
            for (const auto& each : names)
              if (Stored(each.first) == from.*member) to.value = each.second;
          }};
}

template <class T>
Field<T> text_list(std::string key, std::vector<std::string> T::* member, std::string doc, bool append = false) {
  return {{std::move(key), "list of text", std::move(doc), "", {}, {}},
          [=](Reader& r, const Entry& e, T& out) {
            std::vector<std::string> values;
            if (!r.text_list(e, values, append ? (out.*member).size() : 0)) return;
            if (!append) (out.*member).clear();
            for (auto& value : values) (out.*member).push_back(std::move(value));
          },
          [member](const T& from, KeyDoc& to) { to.value = show_list(from.*member); }};
}

// A nested struct.
template <class T, class Part>
Field<T> section(std::string key, Part T::* member, Table<Part> table, std::string doc) {
  return {{std::move(key), "section", std::move(doc), "", {}, {}},
          [=](Reader& r, const Entry& e, T& out) { read_map(r, e, table, out.*member); },
          [=](const T& from, KeyDoc& to) { to.children = describe(table, from.*member); }};
}

// A list of named things; items of a later file are appended. `finish` sees each item after it was read.
template <class T, class Item>
Field<T> list_of(std::string key, std::vector<Item> T::* member, Table<Item> table, std::string doc,
                 std::function<void(Reader&, const Node&, Item&)> finish = nullptr) {
  return {{std::move(key), "list", std::move(doc), "", {}, {}, true},
          [=](Reader& r, const Entry& e, T& out) {
            if (!r.is_list(e)) return;
            for (const auto& node : e.value->items) {
              r.enter("[" + std::to_string((out.*member).size()) + "]", node->at);
              Item item;
              if (read_map(r, Entry{e.key, node->at, node}, table, item)) {
                if (finish) finish(r, *node, item);
                (out.*member).push_back(std::move(item));
              }
              r.leave();
            }
          },
          [=](const T& from, KeyDoc& to) {
            to.children = describe(table, Item{});
            for (const auto& item : from.*member) to.items.push_back(describe(table, item));
          }};
}

}  // namespace pgtend::config
