#include "controller/ui/fold.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "inventory/host_set.h"

namespace fleetsync::ui {

std::vector<Folded> Fold(std::span<const HostText> texts) {
  std::map<std::string_view, std::vector<std::string>> hosts_by_text;
  for (const HostText& host : texts) hosts_by_text[host.text].push_back(host.host);

  std::vector<Folded> folded;
  folded.reserve(hosts_by_text.size());
  for (auto& [text, hosts] : hosts_by_text) {
    std::sort(hosts.begin(), hosts.end());
    std::string names = inventory::FoldNames(hosts);
    folded.push_back(
        {.hosts = std::move(hosts), .names = std::move(names), .text = std::string(text)});
  }
  std::sort(folded.begin(), folded.end(), [](const Folded& a, const Folded& b) {
    if (a.hosts.size() != b.hosts.size()) return a.hosts.size() > b.hosts.size();
    return a.hosts < b.hosts;
  });
  return folded;
}

}  // namespace fleetsync::ui
