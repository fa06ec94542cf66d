#include "agent/report/text_dictionary.h"

#include <utility>

namespace fleetsync::report {

void TextDictionary::Shorten(v1::Report& report) {
  const auto told = std::move(*report.mutable_texts());
  report.clear_texts();
  std::map<uint32_t, uint32_t> renumbered;  // the empty text stays 0
  for (const v1::Text& text : told) {
    const auto [known, is_new] =
        ids_.try_emplace(text.text(), static_cast<uint32_t>(ids_.size() + 1));
    renumbered[text.id()] = known->second;
    if (!is_new) continue;
    v1::Text& first = *report.add_texts();
    first.set_id(known->second);
    first.set_text(text.text());
  }
  report.set_daemon(renumbered[report.daemon()]);
  report.set_boot_id(renumbered[report.boot_id()]);
  for (v1::Source& source : *report.mutable_sources()) {
    source.set_name(renumbered[source.name()]);
    source.set_address(renumbered[source.address()]);
  }
}

}  // namespace fleetsync::report
