#include "agent/pg/dsn.hpp"

#include <libpq-fe.h>

#include <memory>

namespace pgtend::pg {

Result<std::map<std::string, std::string>> parse_dsn(const std::string& dsn) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(dsn.c_str(), &message),
                                                                             &PQconninfoFree);
  if (!options) {
    // libpq quotes the part that it cannot read, which may be a password.
    PQfreemem(message);
    return fail(Errc::invalid_argument,
                "the connection string cannot be read; write it like "
                "postgresql://user@host:5432/database or \"host=… dbname=…\"");
  }
  std::map<std::string, std::string> out;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr) out[option->keyword] = option->val;
  for (const char* secret : {"password", "sslpassword"})
    if (out.contains(secret))
      return fail(Errc::invalid_argument, std::string("the connection string holds a ") + secret +
                                              ", which every user of this machine could read; put it into a file that "
                                              "only you can read and name that: passfile=FILE");
  return out;
}

}  // namespace pgtend::pg
