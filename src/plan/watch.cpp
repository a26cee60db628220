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

void DeviceTimer::ran(std::int64_t begin, std::int64_t end) const noexcept {
  observer_->add({.kind = RunEvent::Kind::Device,
                  .step = step_,
                  .plan = plan_,
                  .run = run_,
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
      std::vector<TensorSpec> operands =
          operand_specs(step.figures, plan.devices[segment.on].device);
      const auto outputs = operands.begin() + step.num_inputs;
      info.steps.push_back({.what = step.what,
                            .kernel = step.kernel->describe(),
                            .device = plan.devices[segment.on].device,
                            .inputs = {operands.begin(), outputs},
                            .outputs = {outputs, operands.end()},
                            .flops = step.figures.flops,
                            .nbytes_read = step.figures.nbytes_read,
                            .nbytes_written = step.figures.nbytes_written});
    }
  return info;
}

}  // namespace ingot::plan
