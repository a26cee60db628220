#include "plan/consumers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/record.h"

namespace ingot::plan {
namespace {

constexpr std::size_t kMost = 4;

struct Consumer {
  std::size_t nbytes = 0;
  const Step* step = nullptr;
  std::ptrdiff_t operand = -1;  ///< of the step, which writes it; -1: its workspace
  bool is_result = false;
};

std::string line_of(const Node& n) {
  const Site& site = users_site(n);
  return site.line() == 0 ? "" : fmt::format(", recorded at {}:{}", site.file_name(), site.line());
}

std::string describe(const Consumer& c, const Batch& batch, Device device) {
  const Node& node = *batch.nodes[static_cast<std::size_t>(c.step->batch_node)];
  if (c.operand < 0)
    return fmt::format("\n    {} bytes: workspace of {}{}", c.nbytes, c.step->what, line_of(node));
  const auto specs = operand_specs(c.step->figures, device);
  const auto operand = static_cast<std::size_t>(c.operand);
  return fmt::format("\n    {} bytes: {} of {}{}{}", c.nbytes,
                     c.is_result ? "the result" : "a temporary", c.step->what,
                     operand < specs.size() ? ", " + specs[operand].str() : "", line_of(node));
}

// The blocks that a run takes on device number `on`, each once.
std::vector<Consumer> consumers_on(const Plan& plan, std::uint8_t on) {
  std::vector<Consumer> all;
  std::vector<bool> known(plan.buffers.size(), false);
  for (const Segment& segment : plan.segments)
    for (std::size_t i = segment.first_step; i < segment.end_step; ++i) {
      const Step& step = plan.steps[i];
      if (segment.on == on && step.kernel->workspace_nbytes() > 0)
        all.push_back({.nbytes = step.kernel->workspace_nbytes(), .step = &step});
      for (std::size_t k = step.num_inputs; k < step.operands.size(); ++k) {
        const auto number = static_cast<std::size_t>(step.operands[k].buffer);
        const PlanBuffer& b = plan.buffers[number];
        const bool is_result = b.kind == PlanBuffer::Kind::Output;
        if (b.on != on || known[number] || (!is_result && b.kind != PlanBuffer::Kind::Arena))
          continue;
        known[number] = true;
        all.push_back({b.nbytes, &step, static_cast<std::ptrdiff_t>(k), is_result});
      }
    }
  return all;
}

}  // namespace

std::string consumers(const Plan& plan, const Batch& batch) {
  std::string text;
  for (std::size_t d = 0; d < plan.devices.size(); ++d) {
    const Device device = plan.devices[d].device;
    std::vector<Consumer> all = consumers_on(plan, static_cast<std::uint8_t>(d));
    std::size_t results = 0;
    for (const Consumer& c : all)
      if (c.is_result) results += c.nbytes;
    if (all.empty()) continue;
    std::stable_sort(all.begin(), all.end(),
                     [](const Consumer& a, const Consumer& b) { return a.nbytes > b.nbytes; });
    text += fmt::format(
        "\n  this evaluation wants {} bytes on {} for results and {} for temporaries; the largest:",
        results, device.str(), plan.devices[d].arena_nbytes);
    for (std::size_t i = 0; i < std::min(kMost, all.size()); ++i)
      text += describe(all[i], batch, device);
  }
  return text;
}

}  // namespace ingot::plan
