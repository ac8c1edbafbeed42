#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgtend::migrations {

struct MigrationSource {
  std::string origin;                 // "recommendation 0f371ce2, plan hash …": from where somebody can look it up
  std::string about;                  // one line: what and why
  std::string role;                   // that runs it; empty: whoever connects
  std::string risk;                   // low, medium, high; empty: unknown
  std::vector<std::string> up, down;  // one statement each; down empty: no way back
};

// The text of a migration file: pgtend's header, what it is about, @up, @down. It lints clean: the header leaves the
// transaction where the statements must, a lock_timeout is set where they wait for a strong lock, and what else the
// lint says is allowed by a comment that names the origin. `file`: the name it will have.
[[nodiscard]] std::string migration_text(const MigrationSource& source, std::string_view file);

// "create_index_public_orders" of what a person wrote: what a file may be named.
[[nodiscard]] std::string file_slug(std::string_view text);

}  // namespace pgtend::migrations
