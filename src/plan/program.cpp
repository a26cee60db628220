// The pass `program`: an elementwise group as straight-line code over registers.
#include <map>

#include "plan/passes.h"

namespace ingot::plan {
namespace {

class ProgramBuilder {
 public:
  ProgramBuilder(const Draft& draft, Group& group) : draft_(draft), group_(group) {}

  void run() {
    for (const std::int32_t number : group_.nodes) {
      const DraftNode& n = draft_.node(number);
      const std::int32_t out = n.outputs[0];
      const bool stored = draft_.in_memory[static_cast<std::size_t>(out)] != 0;
      if (is_fill(*n.op)) {
        if (!stored) continue;
        registers_[out] = slot(n);
      } else {
        Program::Instruction i{.kind = Program::Kind::Compute,
                               .op = n.op->traits.scalar,
                               .dtype = draft_.value(out).spec.dtype};
        std::uint16_t* const operands[3] = {&i.a, &i.b, &i.c};
        for (std::size_t k = 0; k < n.inputs.size(); ++k) *operands[k] = operand(n.inputs[k]);
        registers_[out] = push(i);
      }
      if (stored) {
        program_->stores.push_back(registers_[out]);
        group_.outputs.push_back(out);
      }
    }
    group_.program = std::move(program_);
  }

 private:
  std::uint16_t push(Program::Instruction i) {
    program_->code.push_back(i);
    return static_cast<std::uint16_t>(program_->code.size() - 1);
  }

  std::uint16_t slot(const DraftNode& n) {
    Program::Instruction i{.kind = Program::Kind::Slot,
                           .dtype = draft_.value(n.outputs[0]).spec.dtype};
    i.index = static_cast<std::uint16_t>(group_.slots.size());
    group_.slots.push_back(n.slots[0]);
    group_.slot_kinds.push_back(n.slot_kinds[0]);
    return push(i);
  }

  std::uint16_t operand(std::int32_t v) {
    if (const auto it = registers_.find(v); it != registers_.end()) return it->second;
    std::uint16_t r = 0;
    if (draft_.is_slot(v, draft_.node(group_.nodes[0]).on)) {
      r = slot(draft_.node(draft_.value(v).producer));
    } else {
      r = push({.kind = Program::Kind::Load,
                .dtype = draft_.value(v).spec.dtype,
                .index = static_cast<std::uint16_t>(group_.inputs.size())});
      group_.inputs.push_back(v);
    }
    registers_[v] = r;
    return r;
  }

  const Draft& draft_;
  Group& group_;
  std::shared_ptr<Program> program_ = std::make_shared<Program>();
  std::map<std::int32_t, std::uint16_t> registers_;
};

}  // namespace

void make_programs(Draft& draft) {
  for (Group& g : draft.groups)
    if (is_elementwise(*draft.node(g.nodes[0]).op)) ProgramBuilder(draft, g).run();
  draft.filled = Draft::Part::Programs;
}

}  // namespace ingot::plan
