#include "tests/unit/promql/corpus.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "rules/promql/lexer.hpp"
#include "rules/promql/parser.hpp"
#include "rules/promql/test_series.hpp"
#include "tests/support/source_dir.hpp"

namespace pgtend::test {

namespace {

[[noreturn]] void malformed(const std::string& file, int line, const std::string& why) {
  throw std::runtime_error(file + ":" + std::to_string(line) + ": " + why);
}

// "30m expr" -> the time, and the rest of the line.
std::pair<Millis, std::string> timed(const std::string& file, int line, std::string_view rest) {
  const std::size_t space = rest.find(' ');
  const auto at = parse_duration(rest.substr(0, space));
  if (!at || space == std::string_view::npos) malformed(file, line, "expected a time and an expression");
  return {*at, std::string(trim(rest.substr(space)))};
}

double value_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const double value = promql::number_value(text).value();
  return negative ? -value : value;
}

class Reader {
 public:
  Reader(Corpus& corpus, std::string file) : corpus_(corpus), file_(std::move(file)) {}

  void line(std::string_view text) {
    ++number_;
    if (trim(text).empty() || text.starts_with('#')) return;
    if (!text.starts_with(' ')) {
      directive(text);
    } else if (in_load_) {
      series(trim(text));
    } else {
      expectation(trim(text));
    }
  }

 private:
  void directive(std::string_view text) {
    in_load_ = text.starts_with("load ");
    if (in_load_) {
      const auto interval = parse_duration(trim(text.substr(5)));
      if (!interval) malformed(file_, number_, "bad interval");
      corpus_.datasets.push_back({*interval, {}});
      return;
    }
    const bool fails = text.starts_with("eval_fail ");
    if (!fails && !text.starts_with("eval ")) malformed(file_, number_, "unknown directive");
    CorpusCase one;
    one.file = file_;
    one.line = number_;
    one.dataset = corpus_.datasets.size() - 1;
    one.fails = fails;
    std::tie(one.at, one.expr) = timed(file_, number_, text.substr(fails ? 10 : 5));
    corpus_.cases.push_back(std::move(one));
  }

  void series(std::string_view text) {
    const std::size_t brace = text.find('{');
    const std::size_t space = text.find(' ');
    const std::size_t split = brace < space ? text.find("} ") + 1 : space;
    corpus_.datasets.back().series.push_back(
        {std::string(text.substr(0, split)), std::string(trim(text.substr(split))), number_});
  }

  void expectation(std::string_view text) {
    CorpusCase& one = corpus_.cases.back();
    if (one.fails) {
      one.message = text;
      return;
    }
    const std::size_t split = text.rfind(' ');
    auto labels = promql::parse_metric(text.substr(0, split));
    if (!labels) malformed(file_, number_, labels.error().message);
    one.expected.push_back({std::move(*labels), value_of(text.substr(split + 1))});
  }

  Corpus& corpus_;
  std::string file_;
  int number_ = 0;
  bool in_load_ = false;
};

void order(std::vector<CorpusSample>& samples) {
  std::sort(samples.begin(), samples.end(),
            [](const CorpusSample& a, const CorpusSample& b) { return a.labels < b.labels; });
}

}  // namespace

Corpus read_corpus() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(pgtend::test::source_dir()) + "/tests/unit/promql/corpus")) {
    if (entry.path().extension() == ".test") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  Corpus corpus;
  for (const auto& file : files) {
    Reader reader(corpus, file.filename().string());
    std::ifstream in(file);
    for (std::string text; std::getline(in, text);) reader.line(text);
  }
  for (auto& one : corpus.cases) order(one.expected);
  return corpus;
}

CorpusAnswer answer(const Corpus& corpus, const CorpusCase& one, const promql::EvalOptions& options) {
  const auto& dataset = corpus.datasets[one.dataset];
  auto history = promql::load_test_series(dataset.series, dataset.interval);
  if (!history) return {{}, history.error().describe()};
  const auto expr = promql::parse(one.expr);
  if (!expr) return {{}, expr.error().message};
  const auto value = promql::evaluate(**expr, *history, UtcTime{} + one.at, options);
  if (!value) return {{}, value.error().message};
  CorpusAnswer out;
  if (const auto* scalar = std::get_if<promql::Scalar>(&*value)) {
    out.samples.push_back({Labels(), scalar->value});
  } else if (const auto* vector = std::get_if<promql::Vector>(&*value)) {
    for (const auto& sample : *vector) out.samples.push_back({sample.labels, sample.value});
  } else {
    out.error = "not a vector";
  }
  order(out.samples);
  return out;
}

bool same_value(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  if (std::isinf(a) || std::isinf(b)) return false;
  // A few units in the last place: libm and Go's math differ in the transcendental functions.
  return std::abs(a - b) <= 1e-13 * std::max(std::abs(a), std::abs(b)) || std::abs(a - b) < 1e-300;
}

bool same_samples(const std::vector<CorpusSample>& a, const std::vector<CorpusSample>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const CorpusSample& x, const CorpusSample& y) {
    return x.labels == y.labels && same_value(x.value, y.value);
  });
}

std::string describe(const std::vector<CorpusSample>& samples) {
  std::string out;
  for (const auto& sample : samples) {
    out += promql::metric_text(sample.labels) + " " + format_double(sample.value) + "\n";
  }
  return out.empty() ? "(empty)\n" : out;
}

}  // namespace pgtend::test
