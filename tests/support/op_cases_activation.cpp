// Cases of activations that are compositions.
#include "support/op_cases.h"

namespace ingot::optest {

void add_activation_cases(std::vector<OpCase>&) {}

}  // namespace ingot::optest
