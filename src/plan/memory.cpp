#include "plan/memory.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <queue>

#include "plan/passes.h"

namespace ingot::plan {
namespace {
constexpr std::size_t kAlign = 64;  // as aligned_nbytes has it
}

std::size_t MemoryPlanner::assign(std::vector<PlanBuffer>& buffers) {
  std::stable_sort(wanted_.begin(), wanted_.end(),
                   [](const Wanted& a, const Wanted& b) { return a.first < b.first; });
  std::map<std::size_t, std::size_t> free;  // offset -> size of a hole below `top`
  std::size_t top = 0;
  struct Held {
    std::size_t last, offset, nbytes;
    bool operator<(const Held& other) const { return last > other.last; }
  };
  std::priority_queue<Held> held;
  const auto give_back = [&](std::size_t offset, std::size_t nbytes) {
    auto it = free.emplace(offset, nbytes).first;
    if (const auto next = std::next(it);
        next != free.end() && it->first + it->second == next->first) {
      it->second += next->second;
      free.erase(next);
    }
    if (it != free.begin()) {
      const auto before = std::prev(it);
      if (before->first + before->second == it->first) {
        before->second += it->second;
        free.erase(it);
      }
    }
  };
  for (const Wanted& w : wanted_) {
    while (!held.empty() && held.top().last < w.first) {
      give_back(held.top().offset, held.top().nbytes);
      held.pop();
    }
    const std::size_t nbytes = std::max<std::size_t>(kAlign, aligned_nbytes(w.nbytes));
    auto best = free.end();
    for (auto it = free.begin(); it != free.end(); ++it)
      if (it->second >= nbytes && (best == free.end() || it->second < best->second)) best = it;
    std::size_t offset = 0;
    if (best != free.end()) {
      offset = best->first;
      const std::size_t rest = best->second - nbytes;
      free.erase(best);
      if (rest) free.emplace(offset + nbytes, rest);
    } else if (!free.empty() &&
               std::prev(free.end())->first + std::prev(free.end())->second == top) {
      // Grow the hole at the top instead of leaving it behind.
      const auto hole = std::prev(free.end());
      offset = hole->first;
      free.erase(hole);
      top = plus_nbytes(offset, nbytes);
    } else {
      offset = top;
      top = plus_nbytes(top, nbytes);
    }
    buffers[w.buffer].offset = offset;
    held.push({w.last, offset, nbytes});
  }
  return top;
}

// The pass `memory`.
void assign_memory(Draft& draft) {
  for (std::size_t d = 0; d < draft.devices.size(); ++d) {
    MemoryPlanner planner;
    for (std::size_t b = 0; b < draft.buffers.size(); ++b)
      if (draft.buffers[b].kind == PlanBuffer::Kind::Arena && draft.buffers[b].on == d &&
          draft.takes_over[b] < 0)
        planner.add(b, draft.buffers[b].nbytes, draft.lives[b].first, draft.lives[b].last);
    draft.devices[d].arena_nbytes = planner.assign(draft.buffers);
  }
  for (std::size_t b = 0; b < draft.buffers.size(); ++b)
    if (const std::int32_t root = draft.takes_over[b]; root >= 0)
      draft.buffers[b].offset = draft.buffer(root).offset;
  draft.filled = Draft::Part::Arena;
}

}  // namespace ingot::plan
