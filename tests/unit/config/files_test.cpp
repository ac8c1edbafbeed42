#include "agent/config/files.hpp"

#include <unistd.h>

#include "tests/support/catch.hpp"
#include "tests/unit/config/folder.hpp"

using namespace pgtend;
using namespace pgtend::config;
using pgtend::test::Folder;

TEST_CASE("a file is read whole, and what is no file is an error of its own kind") {
  const Folder folder;
  const std::string text("a\0b\n", 4);
  CHECK(read_text(folder.write("f", text)).value() == text);
  CHECK(read_text(folder.write("empty", "")).value().empty());
  CHECK(read_text(folder / "none").error().code == Errc::not_found);
  CHECK(read_text(folder / ".").error().code == Errc::io);
  CHECK(read_text("/dev/zero").error().code == Errc::io);
  CHECK(read_text(folder.write("large", std::string(kMaxFileBytes + 1, 'x'))).error().code == Errc::resource_exhausted);
  CHECK(read_text(folder.write("full", std::string(kMaxFileBytes, 'x'))).value().size() == kMaxFileBytes);
}

TEST_CASE("YAML files of a folder come in the order of their names") {
  const Folder folder;
  for (const auto* name : {"20.yaml", "10.yml", "100.yaml", ".hidden.yaml", "note.txt", "old.yaml.bak"})
    folder.write(name, "");
  folder.write("sub.yaml/inner.yaml", "");
  CHECK(list_yaml(folder / ".").value() ==
        std::vector<std::string>{folder / "./10.yml", folder / "./100.yaml", folder / "./20.yaml"});
  CHECK(list_yaml(folder / "none").value().empty());
}

TEST_CASE("a pattern names the files of one folder, a plain path itself") {
  const Folder folder;
  for (const auto* name : {"b.yaml", "a.yaml", "ab.yaml", "c.txt"}) folder.write(name, "");
  CHECK(expand_glob(folder / "*.yaml").value() ==
        std::vector<std::string>{folder / "a.yaml", folder / "ab.yaml", folder / "b.yaml"});
  CHECK(expand_glob(folder / "?.yaml").value() == std::vector<std::string>{folder / "a.yaml", folder / "b.yaml"});
  CHECK(expand_glob(folder / "none.yaml").value() == std::vector<std::string>{folder / "none.yaml"});
  CHECK(expand_glob(folder / "none/*.yaml").value().empty());
}

TEST_CASE("a user is a name of this host or a number") {
  CHECK(uid_of("root").value() == 0);
  CHECK(uid_of("12345").value() == 12345);
  CHECK(uid_of("no_such_user_here").error().code == Errc::not_found);
  CHECK(uid_of("12a").error().code == Errc::not_found);
  CHECK(uid_of("").error().code == Errc::not_found);
}
