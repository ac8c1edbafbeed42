#include "agent/model/adopted_migration.hpp"

namespace pgtend {

std::string_view to_string(AdoptedState state) {
  switch (state) {
    case AdoptedState::applied:
      return "applied";
    case AdoptedState::dirty:
      return "dirty";
    case AdoptedState::failed:
      return "failed";
  }
  return "applied";
}

}  // namespace pgtend
