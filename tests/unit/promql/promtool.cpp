#include "tests/unit/promql/promtool.hpp"

#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "rules/promql/lexer.hpp"

namespace pgtend::test {

namespace {

std::string run(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) throw std::runtime_error("cannot run " + command);
  std::string out;
  std::array<char, 65536> buffer;
  while (const std::size_t n = fread(buffer.data(), 1, buffer.size(), pipe.get())) out.append(buffer.data(), n);
  return out;
}

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "promtool-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string unit_test_file(const Corpus& corpus) {
  std::string out = "rule_files: []\nevaluation_interval: 1m\ntests:\n";
  for (std::size_t i = 0; i < corpus.datasets.size(); ++i) {
    const auto& dataset = corpus.datasets[i];
    out += "  - interval: " + format_duration(dataset.interval) + "\n    input_series:\n";
    for (const auto& series : dataset.series) {
      out += "      - series: " + promql::quote(series.series) + "\n        values: " + promql::quote(series.values) +
             "\n";
    }
    out += "    promql_expr_test:\n";
    for (const auto& one : corpus.cases) {
      if (one.dataset != i) continue;
      out += "      - expr: " + promql::quote(one.expr) + "\n        eval_time: " + format_duration(one.at) +
             "\n        exp_samples: [{labels: impossible, value: 1}]\n";
    }
  }
  return out;
}

// Reads `{__name__="c", a="1"} 3.65E+01, {} NaN`, Go's %q quoting inside.
std::vector<CorpusSample> parse_got(std::string_view text) {
  std::vector<CorpusSample> out;
  std::size_t at = 0;
  const auto expect = [&](std::string_view wanted) {
    if (text.substr(at, wanted.size()) != wanted) throw std::runtime_error("promtool said: " + std::string(text));
    at += wanted.size();
  };
  while (at < text.size()) {
    Labels labels;
    expect("{");
    while (text.at(at) != '}') {
      if (text[at] == ',') at += 2;
      const std::size_t equals = text.find('=', at);
      const std::string name(text.substr(at, equals - at));
      std::size_t end = equals + 2;
      while (text.at(end) != '"') end += text[end] == '\\' ? 2 : 1;
      labels.set(name, promql::unquote(text.substr(equals + 1, end - equals)).value());
      at = end + 1;
    }
    expect("} ");
    const std::size_t end = std::min(text.find(", ", at), text.size());
    std::string_view number = text.substr(at, end - at);
    const bool negative = number.starts_with('-');
    if (negative || number.starts_with('+')) number.remove_prefix(1);
    const double value = promql::number_value(number).value();
    out.push_back({std::move(labels), negative ? -value : value});
    at = end;
    if (at < text.size()) expect(", ");
  }
  std::sort(out.begin(), out.end(), [](const CorpusSample& a, const CorpusSample& b) { return a.labels < b.labels; });
  return out;
}

}  // namespace

bool has_promtool() {
  return std::system("command -v promtool >/dev/null 2>&1") == 0;
}

std::vector<CorpusAnswer> ask_promtool(const Corpus& corpus) {
  const Folder folder;
  const std::string file = folder.path() / "corpus.yml";
  std::ofstream(file) << unit_test_file(corpus);
  const std::string output = run("promtool test rules " + file + " 2>&1");
  std::vector<CorpusAnswer> answers;
  for (std::size_t at = output.find("    expr: "); at != std::string::npos;) {
    const std::size_t next = std::min(output.find("    expr: ", at + 1), output.size());
    const std::string_view block = std::string_view(output).substr(at, next - at);
    CorpusAnswer one;
    const std::size_t got = block.find("\n        got: ");
    const std::size_t err = block.find(", err: ");
    if (got != std::string_view::npos) {
      const std::size_t begin = got + 14;
      const std::string_view text = block.substr(begin, block.find('\n', begin) - begin);
      if (text != "nil") one.samples = parse_got(text);
    } else if (err != std::string_view::npos) {
      one.error = block.substr(err + 7, block.find('\n', err) - err - 7);
    } else {
      throw std::runtime_error("promtool said: " + std::string(block));
    }
    answers.push_back(std::move(one));
    at = next < output.size() ? next : std::string::npos;
  }
  if (answers.size() != corpus.cases.size()) {
    std::string rest;
    for (const auto& line : split(output, '\n')) {
      if (!line.starts_with("    ")) rest += line + "\n";
    }
    throw std::runtime_error("promtool answered " + std::to_string(answers.size()) + " of " +
                             std::to_string(corpus.cases.size()) + " cases and said: " + rest);
  }
  return answers;
}

}  // namespace pgtend::test
