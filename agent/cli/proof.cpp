#include "agent/engine/proof.hpp"

#include <fstream>
#include <sstream>

#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"

namespace pgtend::cli {

namespace {

// Larger than any proof that pgtend makes: 50,000 audit rows and 4 MB of evidence.
constexpr std::streamsize kMostBytes = 128L << 20;

Result<std::string> read_proof(const std::string& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return fail(Errc::not_found, "cannot read " + file);
  if (in.tellg() > kMostBytes) return fail(Errc::parse, file + " is larger than any proof");
  in.seekg(0);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Json encode(const engine::ProofReport& proof) {
  auto checks = Json::array();
  for (const auto& check : proof.checks)
    checks.push_back({{"what", check.what}, {"ok", check.ok}, {"detail", check.detail}});
  return {{"ok", proof.ok},
          {"whole", proof.whole},
          {"change", proof.change_id},
          {"state", proof.state},
          {"object", proof.object},
          {"verdict", proof.verdict},
          {"instance", proof.instance},
          {"version", proof.version},
          {"made_at", proof.made_at},
          {"head_sequence", proof.head_sequence},
          {"head_hash", proof.head_hash},
          {"checks", std::move(checks)}};
}

std::string proof_text(const engine::ProofReport& proof) {
  std::string out = "change " + proof.change_id + " of " + proof.object + " on " + proof.instance + ": " + proof.state +
                    (proof.verdict.empty() ? "" : ", " + proof.verdict) + "; proof made " + proof.made_at +
                    " by pgtend " + proof.version + "\n";
  for (const auto& check : proof.checks)
    out += std::string(check.ok ? "  ok  " : "  BAD ") + check.what + ": " + check.detail + "\n";
  if (!proof.ok) return out + "The proof does not hold.\n";
  out += proof.whole ? "The proof holds.\n" : "What is in the proof holds; its verdict cannot be computed anew.\n";
  return out + "The audit's head was row " + std::to_string(proof.head_sequence) + ", hash " + proof.head_hash + "\n";
}

void verify(Context& context, const std::string& file) {
  const auto text = read_proof(file);
  if (!text) return report(context, text.error());
  const auto proof = engine::verify_proof(*text);
  if (!proof) return report(context, proof.error());
  print(context.json() ? encode(*proof).dump(2) + "\n" : proof_text(*proof));
  if (!proof->ok) context.exit_code = kCritical;
}

}  // namespace

void add_proof(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("proof", "check a file that `pgtend changes proof` made");
  command->require_subcommand(1);
  auto file = std::make_shared<std::string>();
  auto* sub = command->add_subcommand(
      "verify", "offline: hashes, the audit's chain, and the verdict computed anew; exit 4 when something differs");
  sub->add_option("file", *file, "the proof")->required()->type_name("FILE");
  sub->callback([&context, file] { verify(context, *file); });
}

}  // namespace pgtend::cli
