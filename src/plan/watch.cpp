#include "plan/watch.h"

#include <new>
#include <utility>

namespace ingot::plan {

Watched::Watched(std::shared_ptr<RunObserver> observer, const Plan& plan, const Batch& batch)
    : observer_(std::move(observer)), plan_(plan), batch_(batch) {
  if (observer_->knows(plan.id)) return;
  try {
    observer_->add_plan(describe(plan));
  } catch (const std::bad_alloc&) {  // then the run goes on unseen
  }
}

void Watched::end(RunEvent::Kind kind, std::size_t number) {
  const Step& step = plan_.steps[number];
  const Node& node = *batch_.nodes[static_cast<std::size_t>(step.batch_node)];
  observer_->add({.kind = kind,
                  .step = static_cast<std::uint32_t>(number),
                  .plan = plan_.id,
                  .run = run_,
                  .begin = begin_,
                  .end = observer_clock(),
                  .site = node.site(),
                  .outer_site = node.outer_site()});
}

Watched::Ticket Watched::ticket(std::size_t step) const {
  return {observer_, plan_.id, run_, static_cast<std::uint32_t>(step)};
}

void Watched::Ticket::tell_device(std::int64_t begin, std::int64_t end) const noexcept {
  observer->add({.kind = RunEvent::Kind::Device,
                 .step = step,
                 .plan = plan,
                 .run = run,
                 .begin = begin,
                 .end = end});
}

PlanInfo describe(const Plan& plan) {
  PlanInfo info{.plan = plan.id,
                .steps = {},
                .arena_nbytes = plan.arena_nbytes(),
                .output_nbytes = plan.output_nbytes};
  info.steps.reserve(plan.steps.size());
  for (const Segment& segment : plan.segments)
    for (std::size_t i = segment.first_step; i < segment.end_step; ++i) {
      const Step& step = plan.steps[i];
      std::vector<TensorSpec> operands = operand_specs(step.figures, segment.device);
      const auto outputs = operands.begin() + step.num_inputs;
      info.steps.push_back({.what = step.what,
                            .kernel = step.kernel->describe(),
                            .device = segment.device,
                            .inputs = {operands.begin(), outputs},
                            .outputs = {outputs, operands.end()},
                            .flops = step.figures.flops,
                            .nbytes_read = step.figures.nbytes_read,
                            .nbytes_written = step.figures.nbytes_written});
    }
  return info;
}

}  // namespace ingot::plan
