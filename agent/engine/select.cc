#include "agent/engine/select.h"

#include <algorithm>

namespace fleetsync::ntp {
namespace {

struct Interval {
  Duration low{};
  Duration high{};
};

struct Edge {
  Duration at{};
  int kind = 0;  // -1 lower end, +1 upper end
};

std::vector<Edge> Edges(std::span<const Candidate> candidates) {
  std::vector<Edge> edges;
  for (const Candidate& c : candidates) {
    edges.push_back({c.offset - c.error_bound, -1});
    edges.push_back({c.offset + c.error_bound, +1});
  }
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return a.at != b.at ? a.at < b.at : a.kind < b.kind;
  });
  return edges;
}

// Walks `edges` inwards from one end until `wanted` intervals overlap.
template <class Iterator>
std::optional<Duration> Reach(Iterator edge, Iterator end, int opening, size_t wanted) {
  size_t open = 0;
  for (; edge != end; ++edge) {
    if (edge->kind != opening) {
      --open;
    } else if (++open >= wanted) {
      return edge->at;
    }
  }
  return std::nullopt;
}

std::optional<Interval> Intersection(std::span<const Candidate> candidates) {
  const std::vector<Edge> edges = Edges(candidates);
  const size_t m = candidates.size();
  for (size_t falsetickers = 0; 2 * falsetickers < m; ++falsetickers) {
    const auto low = Reach(edges.begin(), edges.end(), -1, m - falsetickers);
    const auto high = Reach(edges.rbegin(), edges.rend(), +1, m - falsetickers);
    if (low && high && *low <= *high) return Interval{*low, *high};
  }
  return std::nullopt;
}

bool IsBetter(const Candidate& a, const Candidate& b) {
  if (a.prefer != b.prefer) return a.prefer;
  return a.stratum != b.stratum ? a.stratum < b.stratum : a.error_bound < b.error_bound;
}

bool IsClearlyBetter(const Candidate& a, const Candidate& b) {
  if (a.prefer != b.prefer) return a.prefer;
  return a.stratum != b.stratum ? a.stratum < b.stratum : a.error_bound < b.error_bound / 2;
}

}  // namespace

Selection Select(std::span<const Candidate> candidates, std::optional<size_t> current) {
  Selection result;
  result.truechimer.assign(candidates.size(), false);
  std::vector<Candidate> voters(candidates.begin(), candidates.end());
  if (std::any_of(voters.begin(), voters.end(), [](const Candidate& c) { return c.trust; }))
    std::erase_if(voters, [](const Candidate& c) { return !c.trust; });
  const std::optional<Interval> common = Intersection(voters);
  if (!common) return result;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& c = candidates[i];
    if (c.offset + c.error_bound < common->low || c.offset - c.error_bound > common->high) continue;
    result.truechimer[i] = true;
    if (!result.selected || IsBetter(c, candidates[*result.selected])) result.selected = i;
  }
  if (current && *current < candidates.size() && result.truechimer[*current] && result.selected &&
      !IsClearlyBetter(candidates[*result.selected], candidates[*current])) {
    result.selected = current;
  }
  return result;
}

}  // namespace fleetsync::ntp
