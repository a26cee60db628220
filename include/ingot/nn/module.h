// Module: a part of a network. Holds parameters and buffers by name, and knows its children.
//
//   struct Net : nn::Module {
//     nn::Conv2d conv{*this, "conv", 1, 32, 3};   // name = the key in state_dict()
//     nn::Linear head{*this, "head", 32 * 13 * 13, 10};
//     ingot::Tensor forward(const ingot::Tensor& x) {
//       return head(ingot::max_pool2d(ingot::relu(conv(x)), 2).flatten(1));
//     }
//   };
//
// Rules:
// - Children register with their owner by reference, in declaration order, so a module is neither
//   copied nor moved; functions that make one return std::unique_ptr. Every layer can also be made
//   without an owner: `nn::Linear head{10, 5};`.
// - Every member module names its owner: `nn::Linear fc{*this, "fc", 4, 2};`. A member made without
//   one, `nn::Linear fc{4, 2};`, would be no part of the network; the first call, parameters(),
//   state_dict() and their like throw ValueError and show the line to write. keep_apart() is for
//   the rare member that is meant to be left out.
// - A child is called, `conv(x)`, not forwarded, `conv.forward(x)`: the call runs hooks, shows your
//   line in errors, and goes to the module that replace() has put in its place.
// - A class whose forward takes something else than one tensor adds `using Module::forward;` beside
//   its own.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ingot/core/state_dict.h>
#include <ingot/core/tensor.h>

namespace ingot::nn {

class Module;

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
using NamedModules = std::vector<std::pair<std::string, Module*>>;

/// What load_state_dict(dict, false) could not match.
struct LoadReport {
  std::vector<std::string> missing;     ///< keys of the module that the dict lacks
  std::vector<std::string> unexpected;  ///< keys of the dict that the module lacks
};

class Module {
 public:
  Module();
  /// Registers with `owner`. Throws ValueError when the name is empty, taken, or contains a dot.
  Module(Module& owner, std::string name);
  virtual ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// What the module computes; throws ValueError unless the class defines it.
  virtual Tensor forward(const Tensor& x);
  /// Runs forward with its hooks; errors and profiles show the place of the call.
  /// Const as PyTorch's `net(x)`: what forward changes of the network (running statistics) it
  /// changes all the same.
  Tensor operator()(const Tensor& x, Site at = Site::current()) const;

  // -- Registration, for constructors of modules ----------------------------------------------
  /// Holds `value` under `name` and lets it require grad. An undefined tensor takes the name
  /// without being a parameter (a layer without bias). The reference stays valid; assigning to it
  /// replaces the parameter, which is how weights are tied: `decoder.weight = encoder.weight`.
  Tensor& register_parameter(std::string name, Tensor value);
  /// Holds a tensor that is state but not trained. One that is not persistent stays out of
  /// state_dict().
  Tensor& register_buffer(std::string name, Tensor value, bool persistent = true);
  /// Owns `child` and returns it.
  Module& register_module(std::string name, std::unique_ptr<Module> child);

  // -- What is in it. Names are paths, "layer1.0.conv1.weight" --------------------------------
  /// Every trainable tensor once (tied ones under their first name): own, then the children's.
  std::vector<Tensor> parameters() const;
  NamedTensors named_parameters() const;
  std::vector<Tensor> buffers() const;
  NamedTensors named_buffers() const;
  std::vector<Module*> children() const;
  NamedModules named_children() const;
  /// This module (under the name "") and everything below it, parents first.
  NamedModules named_modules();
  std::vector<Module*> modules();
  /// The module at a path such as "layer1.0.conv1"; throws ValueError naming what there is instead.
  Module& get_submodule(std::string_view path);
  /// Number of elements of all parameters.
  std::int64_t num_parameters() const;

  // -- State ----------------------------------------------------------------------------------
  /// Parameters and persistent buffers by name. The tensors are shared with the module.
  StateDict state_dict() const;
  /// Takes the values of `dict` (converted to each tensor's own dtype and device). Throws
  /// ValueError that lists every missing, unexpected and misshapen key, and then changes nothing;
  /// with `strict` false only misshapen keys are an error. As in PyTorch, the num_batches_tracked
  /// of batch and instance norms may be missing (they stay as they are), and a tensor of shape [1]
  /// fits one of rank 0.
  LoadReport load_state_dict(const StateDict& dict, bool strict = true, Site at = Site::current());

  // -- Changes of all that is in it; each returns this module ---------------------------------
  /// Moves parameters, buffers and gradients, now. Optimizers that hold the parameters go on with
  /// them: their state (moments, momentum) follows at the next step(). What the device refuses
  /// throws DTypeError (a dtype that it has not), OutOfMemoryError or DeviceError, and then the
  /// module is wholly what it was.
  Module& to(Device device, Site at = Site::current());
  /// The copies begin now; nobody waits for them.
  template <std::same_as<bool> Flag>
  Module& to(Device device, Flag non_blocking, Site at = Site::current()) {
    return move_to(device, non_blocking, at);
  }
  Module& to(const char* device, Site at = Site::current()) { return to(Device(device), at); }
  Module& to(const std::string& device, Site at = Site::current()) {
    return to(Device(device), at);
  }
  /// Converts floating-point parameters, buffers and gradients; throws DTypeError unless `dtype` is
  /// one. Optimizers go on, as after to(device). All or nothing, as there.
  Module& to(DType dtype, Site at = Site::current());
  /// Both at once: a float64 module can go to a device that has float32 only.
  Module& to(Device device, DType dtype, Site at = Site::current());
  // By name, as of tensors.
  Module& half(Site at = Site::current()) { return to(DType::Float16, at); }
  Module& float16(Site at = Site::current()) { return to(DType::Float16, at); }
  Module& bfloat16(Site at = Site::current()) { return to(DType::BFloat16, at); }
  Module& float32(Site at = Site::current()) { return to(DType::Float32, at); }
  Module& float64(Site at = Site::current()) { return to(DType::Float64, at); }
  /// Training or evaluation behaviour (dropout, batch-norm) of this module and those below it.
  Module& train(bool on = true);
  Module& eval() { return train(false); }
  bool is_training() const { return training_; }
  Module& zero_grad();
  Module& requires_grad_(bool on = true);
  /// Calls `f` with every module, children before their parents.
  Module& apply(const std::function<void(Module&)>& f);

  /// Puts `replacement` in the place of the module at `path` ("fc", "classifier.6") and returns it.
  /// The old module stays alive as an empty shell, so that members and references stay valid: its
  /// tensors are released and calls of it go to the new one. Throws ValueError when there is no
  /// such module.
  Module& replace(std::string_view path, std::unique_ptr<Module> replacement);

  /// A module of its own with the same structure, values and training flags (tied tensors stay
  /// tied); hooks and gradients are not copied. Costs no copy of values until one side changes.
  /// Works for Ingot's layers and models; a class of yours overrides make_same(), else ValueError
  /// is thrown.
  std::unique_ptr<Module> clone() const;

  // -- Hooks ----------------------------------------------------------------------------------
  /// Called before forward; a defined result replaces the input.
  using ForwardPreHook = std::function<Tensor(Module&, const Tensor& input)>;
  HookHandle register_forward_pre_hook(ForwardPreHook hook);
  /// Called after forward; a defined result replaces the output.
  using ForwardHook = std::function<Tensor(Module&, const Tensor& input, const Tensor& output)>;
  HookHandle register_forward_hook(ForwardHook hook);
  /// Called by backward with the gradients of the output and of the input (undefined when the input
  /// requires none); a defined result replaces the gradient of the input.
  using FullBackwardHook =
      std::function<Tensor(Module&, const Tensor& grad_input, const Tensor& grad_output)>;
  HookHandle register_full_backward_hook(FullBackwardHook hook);

  // -- Looking at it --------------------------------------------------------------------------
  /// A table of layers, output shapes and parameters for an input of that shape, batch included.
  /// Nothing is computed: shapes are known from recording alone.
  std::string summary(const Shape& input);
  /// The tree as PyTorch prints it: "Net(\n  (conv): Conv2d(1, 32, …)\n)".
  std::string str() const;
  /// The class's name without namespaces.
  std::string type_name() const;
  /// What str() shows between the parentheses: "1, 32, kernel_size=[3, 3]".
  virtual std::string description() const { return {}; }

  // `delete` asks the class for the size of the whole object; with it members without an owner are
  // found. A class of modules has no operator delete of its own.
  static void operator delete(void* block) noexcept { ::operator delete(block); }
  static void operator delete(void* block, std::align_val_t alignment) noexcept {
    ::operator delete(block, alignment);
  }
  static void operator delete(Module* module, std::destroying_delete_t, std::size_t nbytes);
  static void operator delete(Module* module, std::destroying_delete_t, std::size_t nbytes,
                              std::align_val_t alignment);

 protected:
  /// Registers this module with `owner`: what a layer's constructor with an owner calls last.
  void attach_to(Module& owner, std::string name);
  /// Says that `member`, a module among this one's members, is meant to be no part of it: a
  /// teacher, say, that is not to be trained.
  static void keep_apart(Module& member);
  /// The constructor's arguments as text, "4, 2", for messages.
  virtual std::string arguments() const { return {}; }
  /// A new module from the same constructor arguments: what clone() begins with.
  virtual std::unique_ptr<Module> make_same() const;
  /// A call of this module with its hooks and site, for classes that take or give more than one
  /// tensor: hooks see `x`, the first input, and what `compute` makes of it, the first output.
  Tensor call(const Tensor& x, Site at, const std::function<Tensor(const Tensor&)>& compute) const {
    return call_of(const_cast<Module&>(*this), x, at, compute);
  }
  /// A call of `module`, which in_place() gave.
  static Tensor call_of(Module& module, const Tensor& x, Site at,
                        const std::function<Tensor(const Tensor&)>& compute);
  /// The module that takes this one's calls: what replace() has put in its place, else this one.
  Module& in_place() const;
  /// The module that replace() has put in the place of `self`, else `self`. Throws ValueError when
  /// it is of another class, which cannot take a call with these arguments.
  template <class Self>
  static Self& in_place_of(Self& self) {
    Module& other = static_cast<Module&>(self).in_place();
    if (auto* same = dynamic_cast<Self*>(&other)) return *same;
    refuse_call(self, other);
  }
  [[noreturn]] static void refuse_call(const Module& called, const Module& replacement);
  std::size_t num_children() const { return children_.size(); }
  Module& child(std::size_t i) const { return *children_[i].get(); }
  const std::string& child_name(std::size_t i) const { return children_[i].name; }

 private:
  struct NamedTensor {
    std::string name;
    Tensor tensor;
    bool is_buffer;
    bool persistent;
  };
  struct Child {
    std::string name;
    Module* member;                 ///< registered by reference; null when owned from the start
    std::unique_ptr<Module> owned;  ///< from register_module() or replace()
    Module* get() const { return owned ? owned.get() : member; }
  };
  struct Hooks;

  void check_name(const std::string& name, const char* what) const;
  void forget(const Module& child) noexcept;
  void release_tensors();
  using Twins = std::unordered_map<const Cell*, Tensor>;
  void copy_from(const Module& source, Twins& twins);
  std::unique_ptr<Module> clone(Twins& twins) const;
  Child* find_child(std::string_view name);
  Module* descend(std::string_view path, std::string_view& last);
  /// Calls f(path, tensor) for all held tensors, undefined ones too, in state_dict order.
  void visit(const std::string& prefix,
             const std::function<void(const std::string&, const NamedTensor&)>& f) const;
  NamedTensors collect(bool buffers) const;
  void convert(const std::function<Tensor(const Tensor&)>& f);
  Module& move_to(Device device, bool non_blocking, Site at);
  void require_floating(DType dtype) const;
  Hooks& hooks();
  using Compute = std::function<Tensor(const Tensor&)>;
  Tensor compute_with_backward_hooks(const Tensor& x, const Compute& compute);

  // Members without an owner (unregistered.cpp).
  void require_registered_members() const;
  void find_unregistered() const;
  std::size_t whole_nbytes() const;
  bool holds_as_member(const Module& other) const;
  [[noreturn]] void refuse_unregistered(const Module& member) const;

  std::deque<NamedTensor> tensors_;  ///< a deque: references to its elements stay valid
  std::vector<Child> children_;
  std::vector<std::unique_ptr<Module>> retired_;  ///< owned ones that were replaced
  Module* owner_ = nullptr;
  Module* replacement_ = nullptr;  ///< takes this module's calls
  bool training_ = true;
  mutable std::atomic<std::uint64_t> checked_{0};  ///< up to which ownerless module
  std::shared_ptr<Hooks> hooks_;
};

}  // namespace ingot::nn
