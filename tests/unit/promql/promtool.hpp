#pragma once

#include <string>
#include <vector>

#include "tests/unit/promql/corpus.hpp"

namespace pgtend::test {

// Whether the real promtool is installed.
bool has_promtool();

// What promtool gives for every case, in order, out of one run of `promtool test rules`: each case expects a sample
// that cannot be, and promtool then prints what it got. Throws when its output is not understood.
std::vector<CorpusAnswer> ask_promtool(const Corpus& corpus);

}  // namespace pgtend::test
