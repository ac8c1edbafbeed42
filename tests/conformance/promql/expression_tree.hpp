#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace pgtend::test {

// A random expression as a tree, so that one that fails can be made smaller.
struct ExpressionTree;
using TreePtr = std::shared_ptr<const ExpressionTree>;
struct ExpressionTree {
  char type = 'v';   // v vector, s scalar, m range vector
  std::string form;  // text with a \1 for each child
  std::vector<TreePtr> children;
};

std::string text_of(const TreePtr& tree);

// The smallest tree that still fails, reached by replacing parts with their own parts or with leaves.
TreePtr shrink(TreePtr tree, const std::function<bool(const TreePtr&)>& fails);

// Well-typed expressions over conformance_data(): every function, operator, aggregation and modifier that is compared.
// topk and bottomk come only on top and over stored series: which of two equal values they keep is not defined.
class ExpressionGenerator {
 public:
  explicit ExpressionGenerator(unsigned seed) : engine_(seed) {}
  TreePtr whole(int depth);
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_); }

 private:
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
  std::string pick(std::initializer_list<const char*> choices) { return *(choices.begin() + below(choices.size())); }
  std::string modifiers();
  std::string selector();
  TreePtr vector(int depth);
  TreePtr scalar(int depth);
  TreePtr range(int depth);
  TreePtr function(int depth);
  TreePtr range_function(int depth);
  TreePtr aggregation(int depth);
  TreePtr operation(int depth);

  std::mt19937 engine_;
};

}  // namespace pgtend::test
