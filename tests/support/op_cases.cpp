#include "support/op_cases.h"

#include <map>
#include <stdexcept>

namespace ingot::optest {

const std::vector<OpCase>& all_op_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> list;
    add_elementwise_cases(list);
    add_activation_cases(list);
    add_order_cases(list);
    add_method_cases(list);
    add_shape_cases(list);
    add_reduce_cases(list);
    add_linear_cases(list);
    add_algebra_cases(list);
    add_vision_cases(list);
    add_index_cases(list);
    add_selection_cases(list);
    add_loss_cases(list);
    add_creation_cases(list);
    add_random_cases(list);
    add_update_cases(list);
    return list;
  }();
  return cases;
}

const OpCase& op_case(const std::string& name) {
  static const std::map<std::string, const OpCase*> by_name = [] {
    std::map<std::string, const OpCase*> map;
    for (const OpCase& c : all_op_cases())
      if (!map.emplace(c.name, &c).second)
        throw std::logic_error("two op cases are called " + c.name);
    return map;
  }();
  return *by_name.at(name);
}

}  // namespace ingot::optest
