#include "alerts/template_value.hpp"

#include "alerts/template.hpp"

namespace pgtend::alerts::templates {

namespace {

template <class... F>
struct Cases : F... {
  using F::operator()...;
};
template <class... F>
Cases(F...) -> Cases<F...>;

template <class Visitor>
auto visit(const Value& value, Visitor visitor) {
  using Alternatives = std::variant<std::monostate, bool, std::int64_t, double, std::string, Labels, ElementPtr,
                                    Elements, Arguments, Root>;
  return std::visit(visitor, static_cast<const Alternatives&>(value));
}

std::string map_text(const Labels& labels) {
  std::string out = "map[";
  for (const auto& [name, value] : labels) out += (out.size() == 4 ? "" : " ") + name + ":" + value;
  return out + "]";
}

}  // namespace

std::string printed(const Value& value) {
  return visit(value, Cases{[](std::monostate) { return std::string("<no value>"); },
                            [](bool v) { return std::string(v ? "true" : "false"); },
                            [](std::int64_t v) { return std::to_string(v); }, [](double v) { return go_number(v); },
                            [](const std::string& v) { return v; }, [](const Labels& v) { return map_text(v); },
                            [](const ElementPtr& v) { return map_text(v->labels) + " " + go_number(v->value); },
                            [](const Elements& v) {
                              std::string out = "[";
                              for (const auto& one : *v) out += (out.size() == 1 ? "" : " ") + printed(one);
                              return out + "]";
                            },
                            [](const Arguments& v) {
                              std::string out = "map[";
                              for (const auto& [name, each] : *v)
                                out += (out.size() == 4 ? "" : " ") + name + ":" + printed(each);
                              return out + "]";
                            },
                            [](Root) { return std::string("{}"); }});
}

bool is_true(const Value& value) {
  return visit(value,
               Cases{[](std::monostate) { return false; }, [](bool v) { return v; },
                     [](std::int64_t v) { return v != 0; }, [](double v) { return v != 0; },
                     [](const std::string& v) { return !v.empty(); }, [](const Labels& v) { return v.size() > 0; },
                     [](const ElementPtr&) { return true; }, [](const Elements& v) { return !v->empty(); },
                     [](const Arguments& v) { return !v->empty(); }, [](Root) { return true; }});
}

std::string type_of(const Value& value) {
  return visit(value,
               Cases{[](std::monostate) { return std::string("nil"); }, [](bool) { return std::string("bool"); },
                     [](std::int64_t) { return std::string("int"); }, [](double) { return std::string("float64"); },
                     [](const std::string&) { return std::string("string"); },
                     [](const Labels&) { return std::string("map[string]string"); },
                     [](const ElementPtr&) { return std::string("*template.sample"); },
                     [](const Elements&) { return std::string("template.queryResult"); },
                     [](const Arguments&) { return std::string("map[string]interface {}"); },
                     [](Root) { return std::string("struct"); }});
}

}  // namespace pgtend::alerts::templates
