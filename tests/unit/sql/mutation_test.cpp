#include <array>
#include <random>
#include <string>

#include "rules/sql/obfuscate.hpp"
#include "rules/sql/repair.hpp"
#include "rules/sql/statement.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;

namespace {

constexpr std::array<const char*, 4> kSeeds{
    "with r as (select * from a where x = $1) select r.id, sum(case when b.y > $2 then $3 else $4 end) "
    "from r join b using (id) where b.z in ($5, $6) group by r.id order by 2 desc limit $7",
    "update t set (a, b) = ($1, $2), c = c + $3 from u where t.id = u.id and u.d between date $4 and interval $5",
    "insert into t (a) select extract($1 from x) from u on conflict (a) do update set b = excluded.b returning *",
    "delete from t using u where t.a = u.a and not exists (select from v where (v.b, v.c) > ($1, $2))",
};

}  // namespace

TEST_CASE("ten thousand damaged statements are read or refused, never crashed on") {
  std::mt19937 random(42);
  const std::string alphabet = "()$,;'\"=<>*+-/.%0aA \n\\E|[]:";
  int readable = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::string text = kSeeds[random() % kSeeds.size()];
    const auto edits = 1 + random() % 4;
    for (std::size_t edit = 0; edit < edits; ++edit) {
      const auto at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text.erase(at, 1 + random() % 8);
          break;
        case 1:
          text.insert(at, 1, alphabet[random() % alphabet.size()]);
          break;
        case 2:
          text[at] = alphabet[random() % alphabet.size()];
          break;
        default:
          text.resize(at + 1);
          break;
      }
      if (text.empty()) text = "x";
    }
    const auto shape = sql::analyse(text);
    if (shape) {
      ++readable;
      for (const auto& use : shape->columns) REQUIRE(use.relation < shape->relations.size());
    }
    const auto repaired = sql::repair_parameters(text);
    if (repaired && shape) {
      INFO(text);
      REQUIRE(repaired->parameters == shape->parameters);
    }
    REQUIRE(sql::obfuscate(text).find('\'') == std::string::npos);
  }
  CHECK(readable > 100);
}
