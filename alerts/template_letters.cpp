#include "alerts/template_letters.hpp"

#include <clocale>
#include <cwctype>

namespace pgtend::alerts::templates {

namespace {

constexpr char32_t kNoLetter = 0xFFFD;

// The process's own locale is left alone: a locale_t is what only these functions see, from any thread.
locale_t letters() {
  static locale_t const found = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return found;
}

bool in_class(char32_t code, int (*is)(wint_t, locale_t)) {
  return letters() != nullptr && is(static_cast<wint_t>(code), letters()) != 0;
}

bool continues(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
}

}  // namespace

bool is_unicode(char32_t code) {
  return code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
}

Letter first_letter(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return {kNoLetter, 1};
  char32_t code = lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (!continues(text, i)) return {kNoLetter, 1};
    code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  const bool too_long = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  if (too_long || !is_unicode(code)) return {kNoLetter, 1};
  return {code, size};
}

std::string utf8(char32_t code) {
  if (!is_unicode(code)) code = kNoLetter;
  if (code < 0x80) return {static_cast<char>(code)};
  const auto tail = [code](unsigned shift) { return static_cast<char>(0x80U | ((code >> shift) & 0x3FU)); };
  if (code < 0x800) return {static_cast<char>(0xC0U | (code >> 6U)), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xE0U | (code >> 12U)), tail(6), tail(0)};
  return {static_cast<char>(0xF0U | (code >> 18U)), tail(12), tail(6), tail(0)};
}

char32_t large(char32_t code) {
  if (code < 0x80) return code >= 'a' && code <= 'z' ? code - 'a' + 'A' : code;
  return letters() == nullptr ? code : static_cast<char32_t>(towupper_l(static_cast<wint_t>(code), letters()));
}

char32_t small(char32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code - 'A' + 'a' : code;
  return letters() == nullptr ? code : static_cast<char32_t>(towlower_l(static_cast<wint_t>(code), letters()));
}

char32_t initial(char32_t code) {
  static const wctrans_t to_title = letters() == nullptr ? wctrans_t{} : wctrans_l("totitle", letters());
  if (code < 0x80 || to_title == wctrans_t{}) return large(code);
  return static_cast<char32_t>(towctrans_l(static_cast<wint_t>(code), to_title, letters()));
}

bool is_letter_or_digit(char32_t code) {
  if (code < 0x80) return (code >= '0' && code <= '9') || (large(code) >= 'A' && large(code) <= 'Z');
  return in_class(code, iswalnum_l);
}

bool is_white(char32_t code) {
  // Source: Go unicode.IsSpace; U+00A0 and U+0085 are no space to the C library.
  return code == 0x85 || code == 0xA0 || (code <= ' ' && (code == ' ' || (code >= '\t' && code <= '\r'))) ||
         (code >= 0x80 && in_class(code, iswspace_l));
}

bool is_printable(char32_t code) {
  if (code < 0x80) return code >= ' ' && code != 0x7F;
  // Marks of format and private letters, which the C library counts as printable and Go does not.
  const bool formats = code == 0xAD || (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
                       (code >= 0x2060 && code <= 0x206F) || (code >= 0xE000 && code <= 0xF8FF) || code == 0xFEFF;
  return !formats && !is_white(code) && in_class(code, iswprint_l);
}

}  // namespace pgtend::alerts::templates
