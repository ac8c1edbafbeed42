#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"

namespace pgtend {

// Somebody who sends or gets mail.
struct Mailbox {
  std::string name;     // as it is shown, UTF-8; empty: none
  std::string address;  // local@domain, ASCII
  bool operator==(const Mailbox&) const = default;
};

// Source: each address of a list takes a row of the spool, which holds 10,000.
inline constexpr std::size_t kMostMailboxes = 50;

// Reads a list as a mail's header has it: `dba@example.org, "Zoe, DBA" <zoe@example.org>`. A comment in parentheses
// behind a bare address is its name. Result: at least one, at most kMostMailboxes.
// Errors: parse (what stands at which character; a group; an address that is not ASCII), not retryable.
// Source: RFC 5322 sections 3.4 and 4.4; RFC 5321 section 4.5.3.1 for the length of an address.
[[nodiscard]] Result<std::vector<Mailbox>> parse_mailboxes(std::string_view text);

}  // namespace pgtend
