#include "plan/passes.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include <ingot/core/error.h>

#include "backend/registry.h"
#include "core/observe.h"
#include "plan/check.h"
#include "plan/segments.h"
#include "plan/transfer.h"

namespace ingot::plan {
namespace {

constexpr std::array kPasses{
    Pass{"expand", expand}, Pass{"simplify", simplify},     Pass{"place", place},
    Pass{"group", group},   Pass{"program", make_programs}, Pass{"layout", lay_out},
    Pass{"lower", lower},   Pass{"donate", donate},         Pass{"memory", assign_memory},
};

#ifdef NDEBUG
constexpr bool kCheckDrafts = false;
#else
constexpr bool kCheckDrafts = true;
#endif

bool names_a_pass(std::string_view name) {
  for (const Pass& p : kPasses)
    if (p.name == name) return true;
  return name == "all";
}

void dump(const Draft& draft, std::string_view pass) {
  const std::string text = fmt::format("draft after {}: {}", pass, draft.str());
  std::fwrite(text.data(), 1, text.size(), stderr);  // at once: threads plan side by side
}

// Of each result, the last step that writes its buffer.
void note_writers(Plan& plan) {
  std::vector<std::int32_t> writer(plan.buffers.size(), -1);
  for (std::size_t s = 0; s < plan.steps.size(); ++s)
    for (std::size_t o = plan.steps[s].num_inputs; o < plan.steps[s].operands.size(); ++o)
      writer[static_cast<std::size_t>(plan.steps[s].operands[o].buffer)] =
          static_cast<std::int32_t>(s);
  for (Plan::Result& r : plan.results) r.step = writer[static_cast<std::size_t>(r.buffer)];
}

std::shared_ptr<Plan> to_plan(Draft&& draft) {
  auto plan = std::make_shared<Plan>();
  Segments segments(draft);
  plan->steps.reserve(draft.steps.size());
  for (DraftStep& from : draft.steps) {
    Step to;
    to.num_inputs = static_cast<std::uint32_t>(from.from.size());
    to.operands.reserve(from.from.size() + from.to.size());
    const auto add = [&](const Place& p, DType dtype) {
      to.operands.push_back({p.buffer, p.offset * static_cast<std::int64_t>(nbytes_of(dtype))});
    };
    for (std::size_t i = 0; i < from.from.size(); ++i) add(from.from[i], from.desc.inputs[i].dtype);
    for (std::size_t o = 0; o < from.to.size(); ++o) add(from.to[o], from.desc.outputs[o].dtype);
    to.kernel = std::move(from.kernel);
    to.figures = figures_of(from.desc);
    to.first_slot = static_cast<std::uint32_t>(plan->slots.size());
    plan->slots.insert(plan->slots.end(), from.slots.begin(), from.slots.end());
    if (from.workspace >= 0) to.workspace_offset = draft.buffer(from.workspace).offset;
    to.op = from.desc.op;
    to.batch_node = draft.node(from.node).batch_node;
    to.site = draft.sites[static_cast<std::size_t>(to.batch_node)].site;
    to.what = std::move(from.what);
    segments.add(*plan, from);
    plan->steps.push_back(std::move(to));
  }
  for (std::size_t d = 0; d < draft.devices.size(); ++d)
    plan->devices.push_back({draft.devices[d].device,
                             d == kHost ? nullptr : find_backend(draft.devices[d].device),
                             draft.devices[d].arena_nbytes});
  for (const PlanBuffer& b : draft.buffers)
    if (b.kind == PlanBuffer::Kind::Output)
      plan->output_nbytes = plus_nbytes(plan->output_nbytes, b.nbytes);
  plan->buffers = std::move(draft.buffers);
  plan->constants = std::move(draft.constants);
  plan->constant_slots = std::move(draft.constant_slots);
  plan->results = std::move(draft.results);
  plan->commit_step = draft.commit_step;
  note_writers(*plan);
  Segments::wait_before_commit(*plan);
  return plan;
}

}  // namespace

std::span<const Pass> passes() { return kPasses; }

std::string& dump_request() {
  static std::string request = [] {
    const char* text = std::getenv("INGOT_DUMP");  // NOLINT(concurrency-mt-unsafe)
    return std::string(text ? text : "");
  }();
  return request;
}

bool asks_for(std::string_view request, std::string_view pass) {
  bool asked = false;
  while (!request.empty()) {
    const std::size_t comma = std::min(request.find(','), request.size());
    const std::string_view name = request.substr(0, comma);
    request.remove_prefix(std::min(comma + 1, request.size()));
    if (!name.empty() && !names_a_pass(name)) {
      std::string names;
      for (const Pass& p : kPasses) names += fmt::format("{}, ", p.name);
      throw ValueError(
          fmt::format("INGOT_DUMP: there is no pass '{}'; there are {}and 'all'", name, names));
    }
    asked |= name == pass || name == "all";
  }
  return asked;
}

void run_passes(Draft& draft, std::string_view last) {
  for (const Pass& pass : kPasses) {
    {
      const ObservedSpan span(RunEvent::Kind::Pass, pass.name);
      pass.run(draft);
    }
    if (asks_for(dump_request(), pass.name)) dump(draft, pass.name);
    if constexpr (kCheckDrafts) check(draft, pass.name);
    if (pass.name == last) return;
  }
  throw InternalError(fmt::format("there is no pass '{}'", last));
}

std::string step_that_makes(const Batch& batch, const Backend& backend, std::size_t flat_output) {
  Draft draft(batch, backend);
  for (const Pass& pass : kPasses) pass.run(draft);
  const std::int32_t v = draft.outputs[flat_output];
  for (std::size_t s = 0; s < draft.steps.size(); ++s)
    for (const std::int32_t written : draft.steps[s].writes)
      if (written == v) return draft.step_str(s);
  return {};
}

std::shared_ptr<Plan> make_plan(const Batch& batch, Backend& backend, int num_threads,
                                bool all_on_host, std::vector<Gap>* gaps) {
  static std::atomic<std::uint64_t> last_id{0};
  Draft draft(batch, backend, all_on_host);
  draft.gaps = gaps;
  run_passes(draft);
  std::shared_ptr<Plan> plan = to_plan(std::move(draft));
  plan->id = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  plan->key = PlanKey::of(batch, backend, num_threads);
  return plan;
}

std::shared_ptr<const Plan> build_plan(const Batch& batch, Backend& backend, int num_threads,
                                       bool all_on_host) {
  return make_plan(batch, backend, num_threads, all_on_host);
}

}  // namespace ingot::plan
