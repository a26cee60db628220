#include <unordered_map>

#include "core/op_def.h"

namespace ingot {

const OpDef* find_op(std::string_view name) {
  static const auto* const by_name = [] {  // outlives every thread
    auto* map = new std::unordered_map<std::string_view, const OpDef*>;
    for (const OpDef* op : {&kConstant, &kVariable}) map->emplace(op->name, op);
    for (const OpDef* op : all_ops()) map->emplace(op->name, op);
    return map;
  }();
  const auto it = by_name->find(name);
  return it == by_name->end() ? nullptr : it->second;
}

}  // namespace ingot
