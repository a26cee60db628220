// What nearly every file of the library includes, parsed once for all of them: the standard
// library's heavy headers and core's. Only a matter of build time: every file still includes what
// it uses, which builds without it check (INGOT_PRECOMPILE=OFF: the `tsan` preset).
#pragma once

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/tensor.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/op_attrs.h"
#include "core/op_def.h"
#include "core/record.h"
