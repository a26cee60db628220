#include "io/pickle_globals.h"

#include <fmt/format.h>

#include <unordered_map>
#include <vector>

namespace ingot::io {
namespace {

struct Element {
  const char* storage;  ///< "Float" of torch.FloatStorage and torch.FloatTensor
  DType dtype;
};

constexpr Element kElements[] = {
    {"Bool", DType::Bool},      {"Byte", DType::UInt8},        {"Char", DType::Int8},
    {"Short", DType::Int16},    {"Int", DType::Int32},         {"Long", DType::Int64},
    {"Half", DType::Float16},   {"BFloat16", DType::BFloat16}, {"Float", DType::Float32},
    {"Double", DType::Float64},
};

struct Foreign {
  const char* storage;
  const char* dtype;
  std::uint8_t element_nbytes;
};

/// Honest files may hold tensors of these, and Ingot has not got them.
constexpr Foreign kForeignStorages[] = {
    {"ComplexFloatStorage", "complex64", 8},
    {"ComplexDoubleStorage", "complex128", 16},
    {"QInt8Storage", "qint8", 1},
    {"QUInt8Storage", "quint8", 1},
    {"QInt32Storage", "qint32", 4},
    {"QUInt4x2Storage", "quint4x2", 1},
    {"QUInt2x4Storage", "quint2x4", 1},
};

constexpr const char* kForeignDTypes[] = {
    "complex32",
    "complex64",
    "complex128",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float4_e2m1fn_x2",
    "uint16",
    "uint32",
    "uint64",
    "qint8",
    "quint8",
    "qint32",
    "quint4x2",
    "quint2x4",
    "bits8",
    "bits16",
    "bits1x8",
    "bits2x4",
    "bits4x2",
    "int1",
    "int2",
    "int3",
    "int4",
    "int5",
    "int6",
    "int7",
    "uint1",
    "uint2",
    "uint3",
    "uint4",
    "uint5",
    "uint6",
    "uint7",
};

constexpr const char* kSchemes[] = {"per_tensor_affine", "per_tensor_symmetric",
                                    "per_channel_affine", "per_channel_symmetric",
                                    "per_channel_affine_float_qparams"};

class Table {
 public:
  Table() {
    add("collections.OrderedDict", Meaning::OrderedDict);
    add("collections.Counter", Meaning::Counter);
    add("collections.defaultdict", Meaning::DefaultDict);
    add("builtins.set", Meaning::Set);
    add("builtins.frozenset", Meaning::Set);
    add("builtins.bytes", Meaning::Bytes);
    add("builtins.bytearray", Meaning::ByteArray);
    add("builtins.complex", Meaning::Complex);
    // What defaultdict may be made with.
    for (const char* name : {"bool", "int", "float", "str", "list", "tuple", "dict"})
      add(fmt::format("builtins.{}", name), Meaning::Type);
    add("_codecs.encode", Meaning::Encode);
    add("torch.Size", Meaning::Size);
    add("torch.device", Meaning::Device);
    add("torch.serialization._get_layout", Meaning::Layout);
    add("torch.nn.parameter.Parameter", Meaning::Parameter);
    add("torch.Tensor", Meaning::Type);
    add("torch._tensor._rebuild_from_type_v2", Meaning::RebuildFromType);
    add_functions();
    add_elements();
  }

  std::int64_t find(const std::string& name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? -1 : static_cast<std::int64_t>(found->second);
  }
  const Global& at(std::int64_t i) const { return list_[static_cast<std::size_t>(i)]; }

 private:
  Global& add(std::string name, Meaning meaning, DType dtype = DType::UInt8) {
    places_.emplace(name, list_.size());
    return list_.emplace_back(Global{std::move(name), meaning, dtype});
  }

  void add_functions() {
    const auto of_utils = [&](const char* name, Meaning meaning) -> Global& {
      return add(fmt::format("torch._utils.{}", name), meaning);
    };
    of_utils("_rebuild_tensor", Meaning::RebuildTensor);
    of_utils("_rebuild_tensor_v2", Meaning::RebuildTensorV2);
    of_utils("_rebuild_tensor_v3", Meaning::RebuildTensorV3);
    of_utils("_rebuild_parameter", Meaning::RebuildParameter);
    of_utils("_rebuild_parameter_with_state", Meaning::RebuildParameterWithState);
    of_utils("_rebuild_device_tensor_from_cpu_tensor", Meaning::RebuildFromCpu);
    of_utils("_rebuild_qtensor", Meaning::Lacking).lacks = "quantized tensors";
    of_utils("_rebuild_sparse_tensor", Meaning::Lacking).lacks = "sparse tensors";
    of_utils("_rebuild_nested_tensor", Meaning::Lacking).lacks = "nested tensors";
    of_utils("_rebuild_meta_tensor_no_storage", Meaning::Lacking).lacks =
        "tensors without data (device meta)";
    of_utils("_rebuild_wrapper_subclass", Meaning::Lacking).lacks = "wrapped tensors";
    of_utils("_rebuild_device_tensor_from_numpy", Meaning::Lacking).lacks =
        "tensors made of numpy arrays";
  }

  void add_elements() {
    // Files that were written on a GPU long ago name its own classes.
    for (const char* module : {"torch", "torch.cuda"}) {
      for (const Element& e : kElements) {
        add(fmt::format("{}.{}Storage", module, e.storage), Meaning::Storage, e.dtype);
        add(fmt::format("{}.{}Tensor", module, e.storage), Meaning::Type);
        add(fmt::format("{}.sparse.{}Tensor", module, e.storage), Meaning::Type);
      }
      for (const Foreign& f : kForeignStorages) {
        Global& storage = add(fmt::format("{}.{}", module, f.storage), Meaning::Storage);
        storage.lacks = fmt::format("the dtype {}", f.dtype);
        storage.element_nbytes = f.element_nbytes;
      }
    }
    for (const char* name : {"UntypedStorage", "_UntypedStorage", "TypedStorage"})
      add(fmt::format("torch.storage.{}", name), Meaning::Storage);
    for (const Element& e : kElements)
      add(fmt::format("torch.{}", ingot::name(e.dtype)), Meaning::Value, e.dtype).is_dtype = true;
    for (const char* name : kForeignDTypes) {
      Global& dtype = add(fmt::format("torch.{}", name), Meaning::Value);
      dtype.lacks = fmt::format("the dtype {}", name);
      dtype.is_dtype = true;
    }
    for (const char* name : kSchemes) add(fmt::format("torch.{}", name), Meaning::Value);
  }

  std::vector<Global> list_;
  std::unordered_map<std::string, std::size_t> places_;
};

const Table& table() {
  static const Table instance;
  return instance;
}

}  // namespace

std::int64_t find_global(std::string_view module, std::string_view name) {
  // Protocol 2 writes Python 2's names.
  if (module == "__builtin__") module = "builtins";
  return table().find(fmt::format("{}.{}", module, name));
}

const Global& global_at(std::int64_t position) { return table().at(position); }

const Global* dtype_called(std::string_view name) {
  const std::int64_t found = table().find(std::string(name));
  return found >= 0 && table().at(found).is_dtype ? &table().at(found) : nullptr;
}

}  // namespace ingot::io
