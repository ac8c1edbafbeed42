#pragma once

#include <filesystem>
#include <string>

#include "agent/base/result.hpp"
#include "agent/cli/demo/child.hpp"
#include "agent/cli/demo/session.hpp"

namespace pgtend::cli::demo {

// A folder below the system's temporary one, removed with all that is in it.
class Folder {
 public:
  // Errors: io.
  [[nodiscard]] static Result<Folder> make();
  Folder(Folder&& other) noexcept;
  Folder& operator=(Folder&&) = delete;
  ~Folder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit Folder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

inline constexpr const char* kDatabase = "shop";

// A private PostgreSQL in a folder: reached only through a unix socket there, stopped when this goes out of scope.
class Cluster {
 public:
  // initdb, configuration and start. As root it runs as the user postgres, because PostgreSQL refuses root.
  // Errors: not_found (no PostgreSQL on this machine), io, server.
  [[nodiscard]] static Result<Cluster> start(const std::filesystem::path& folder);

  // The shop, its data and the roles of pgtend, all from files inside the binary.
  // Errors: server, io.
  [[nodiscard]] Result<void> fill();

  [[nodiscard]] std::string socket_folder() const { return (folder_ / "socket").string(); }
  [[nodiscard]] int port() const { return kPort; }
  [[nodiscard]] std::string conninfo(const std::string& user, const std::string& application) const;
  // A superuser's session. Errors: unavailable.
  [[nodiscard]] Result<Session> superuser(const std::string& database = kDatabase) const;
  [[nodiscard]] const std::filesystem::path& log() const { return log_; }
  void stop() { server_.stop(); }

 private:
  static constexpr int kPort = 5432;
  std::filesystem::path folder_, programs_, log_;
  Child server_;
};

// The text of a file of the source tree that is compiled into the binary; empty when there is none of that name.
[[nodiscard]] std::string_view embedded_text(std::string_view name);

}  // namespace pgtend::cli::demo
