#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/core/site_scope.h>
#include <ingot/nn/module.h>

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "core/cell.h"
#include "core/hook_list.h"
#include "core/printable.h"
#include "nn/unregistered.h"

namespace ingot::nn {

namespace {
// The tensor's value without its history.
Tensor plain(const Tensor& t) {
  const ValueId& value = t.cell()->value();
  return value.requires_grad() ? t.detach() : Cell::create(value);
}
}  // namespace

// -- Registration -----------------------------------------------------------------------------

Module::Module() { add_ownerless(*this); }

Module::Module(Module& owner, std::string name) : Module() { attach_to(owner, std::move(name)); }

Module::~Module() {
  if (!owner_) remove_ownerless(*this);
  // Owned children die with children_ and must not come back to take themselves off it.
  for (Child& child : children_) {
    if (child.member) child.member->owner_ = child.member->replacement_ = nullptr;
    if (child.owned) child.owned->owner_ = nullptr;
  }
  if (owner_) owner_->forget(*this);
}

void Module::check_name(const std::string& name, const char* what) const {
  if (name.empty())
    throw ValueError(fmt::format("{}: the name of a {} is empty", type_name(), what));
  if (name.find('.') != std::string::npos)
    throw ValueError(fmt::format(
        "{}: the name '{}' of a {} contains a dot, which separates the names of modules",
        type_name(), name, what));
  const bool taken =
      std::any_of(children_.begin(), children_.end(), [&](auto& c) { return c.name == name; }) ||
      std::any_of(tensors_.begin(), tensors_.end(), [&](auto& t) { return t.name == name; });
  if (taken)
    throw ValueError(fmt::format("{}: the name '{}' of a {} is taken", type_name(), name, what));
}

void Module::attach_to(Module& owner, std::string name) {
  owner.check_name(name, "module");
  owner.children_.push_back({std::move(name), this, nullptr});
  owner_ = &owner;
  remove_ownerless(*this);
}

void Module::forget(const Module& child) noexcept {
  // Members die in reverse order of declaration, so the last entry is the likely one.
  for (auto i = children_.rbegin(); i != children_.rend(); ++i)
    if (i->member == &child) {
      if (i->owned) i->owned->owner_ = nullptr;
      children_.erase(std::next(i).base());
      return;
    }
}

Tensor& Module::register_parameter(std::string name, Tensor value) {
  check_name(name, "parameter");
  if (value.defined()) value.requires_grad_();
  return tensors_.emplace_back(NamedTensor{std::move(name), std::move(value), false, true}).tensor;
}

Tensor& Module::register_buffer(std::string name, Tensor value, bool persistent) {
  check_name(name, "buffer");
  return tensors_.emplace_back(NamedTensor{std::move(name), std::move(value), true, persistent})
      .tensor;
}

Module& Module::register_module(std::string name, std::unique_ptr<Module> child) {
  check_name(name, "module");
  if (!child) throw ValueError(fmt::format("{}: the module '{}' is null", type_name(), name));
  if (child->owner_)
    throw ValueError(fmt::format("{}: the module '{}' has an owner already", type_name(), name));
  child->owner_ = this;
  remove_ownerless(*child);
  children_.push_back({std::move(name), nullptr, std::move(child)});
  return *children_.back().owned;
}

// -- Finding ----------------------------------------------------------------------------------

Module::Child* Module::find_child(std::string_view name) {
  for (Child& child : children_)
    if (child.name == name) return &child;
  return nullptr;
}

// The parent of the module at `path`; `last` becomes the final name.
Module* Module::descend(std::string_view path, std::string_view& last) {
  Module* at = this;
  std::string_view rest = path;
  while (true) {
    const std::size_t dot = rest.find('.');
    const std::string_view name = rest.substr(0, dot);
    const Child* child = at->find_child(name);
    if (!child) {
      std::string known;
      for (const Child& c : at->children_) known += (known.empty() ? "" : ", ") + c.name;
      throw ValueError(fmt::format("{} has no module '{}': {} has no '{}', it has {}", type_name(),
                                   path, at == this ? "it" : at->type_name(), name,
                                   known.empty() ? "no modules" : known));
    }
    if (dot == std::string_view::npos) {
      last = name;
      return at;
    }
    at = child->get();
    rest.remove_prefix(dot + 1);
  }
}

Module& Module::get_submodule(std::string_view path) {
  if (path.empty()) return *this;
  std::string_view last;
  Module* parent = descend(path, last);
  return *parent->find_child(last)->get();
}

Module& Module::replace(std::string_view path, std::unique_ptr<Module> replacement) {
  if (!replacement) throw ValueError(fmt::format("replace '{}': the new module is null", path));
  if (replacement->owner_)
    throw ValueError(fmt::format("replace '{}': the new module has an owner already", path));
  std::string_view last;
  Module* parent = descend(path, last);
  Child& child = *parent->find_child(last);
  Module& old = *child.get();
  old.release_tensors();
  old.replacement_ = replacement.get();
  replacement->owner_ = parent;
  remove_ownerless(*replacement);
  if (child.owned) {
    child.owned->owner_ = nullptr;
    parent->retired_.push_back(std::move(child.owned));
  }
  child.owned = std::move(replacement);
  return *child.owned;
}

void Module::release_tensors() {
  for (NamedTensor& t : tensors_) t.tensor = Tensor();
  for (Child& child : children_) child.get()->release_tensors();
}

// -- Copying ---

std::unique_ptr<Module> Module::make_same() const {
  throw ValueError(
      fmt::format("{} cannot be cloned: override `std::unique_ptr<nn::Module> make_same() const` "
                  "to make another "
                  "one with the same constructor arguments",
                  type_name()));
}

std::unique_ptr<Module> Module::clone() const {
  require_registered_members();
  // The fresh modules draw initial values that nobody will see; the random numbers of the program
  // must not depend on it.
  struct KeepGenerator {
    Generator::State state = default_generator().state();
    ~KeepGenerator() { default_generator().set_state(state); }
  } keep;
  Twins twins;
  return clone(twins);
}

std::unique_ptr<Module> Module::clone(Twins& twins) const {
  std::unique_ptr<Module> copy = make_same();
  copy->copy_from(*this, twins);
  return copy;
}

// `this` is fresh from make_same(): members are there, what was added or replaced later is not.
void Module::copy_from(const Module& source, Twins& twins) {
  training_ = source.training_;
  for (const NamedTensor& theirs : source.tensors_) {
    auto ours = std::find_if(tensors_.begin(), tensors_.end(),
                             [&](const NamedTensor& t) { return t.name == theirs.name; });
    if (ours == tensors_.end())
      ours =
          tensors_.insert(tensors_.end(), {theirs.name, {}, theirs.is_buffer, theirs.persistent});
    if (!theirs.tensor.defined()) {
      ours->tensor = Tensor();
      continue;
    }
    Tensor& twin = twins[theirs.tensor.cell()];
    if (!twin.defined())
      twin = Cell::create(plain(theirs.tensor).cell()->value(), theirs.tensor.requires_grad());
    ours->tensor = twin;
  }
  for (const Child& theirs : source.children_) {
    Child* ours = find_child(theirs.name);
    if (ours && !theirs.owned && !ours->owned)
      ours->member->copy_from(*theirs.member, twins);
    else if (ours)
      replace(theirs.name, theirs.get()->clone(twins));
    else
      register_module(theirs.name, theirs.get()->clone(twins));
  }
}

// -- Listing ----------------------------------------------------------------------------------

void Module::visit(const std::string& prefix,
                   const std::function<void(const std::string&, const NamedTensor&)>& f) const {
  require_registered_members();
  for (const bool buffers : {false, true})
    for (const NamedTensor& t : tensors_)
      if (t.is_buffer == buffers) f(prefix + t.name, t);
  for (const Child& child : children_) child.get()->visit(prefix + child.name + ".", f);
}

NamedTensors Module::collect(bool buffers) const {
  NamedTensors list;
  std::unordered_set<const Cell*> seen;
  visit("", [&](const std::string& path, const NamedTensor& t) {
    if (t.is_buffer == buffers && t.tensor.defined() && seen.insert(t.tensor.cell()).second)
      list.emplace_back(path, t.tensor);
  });
  return list;
}

namespace {
std::vector<Tensor> without_names(NamedTensors&& named) {
  std::vector<Tensor> list;
  list.reserve(named.size());
  for (auto& [name, tensor] : named) list.push_back(std::move(tensor));
  return list;
}
}  // namespace

NamedTensors Module::named_parameters() const { return collect(false); }
NamedTensors Module::named_buffers() const { return collect(true); }
std::vector<Tensor> Module::parameters() const { return without_names(collect(false)); }
std::vector<Tensor> Module::buffers() const { return without_names(collect(true)); }

std::vector<Module*> Module::children() const {
  std::vector<Module*> list;
  for (const Child& child : children_) list.push_back(child.get());
  return list;
}

NamedModules Module::named_children() const {
  NamedModules list;
  for (const Child& child : children_) list.emplace_back(child.name, child.get());
  return list;
}

NamedModules Module::named_modules() {
  require_registered_members();
  NamedModules list{{"", this}};
  for (const Child& child : children_)
    for (auto& [name, module] : child.get()->named_modules())
      list.emplace_back(name.empty() ? child.name : child.name + "." + name, module);
  return list;
}

std::vector<Module*> Module::modules() {
  std::vector<Module*> list;
  for (auto& [name, module] : named_modules()) list.push_back(module);
  return list;
}

std::int64_t Module::num_parameters() const {
  std::int64_t n = 0;
  for (const Tensor& p : parameters()) n += p.numel();
  return n;
}

// -- State ------------------------------------------------------------------------------------

StateDict Module::state_dict() const {
  StateDict dict;
  visit("", [&](const std::string& path, const NamedTensor& t) {
    if (t.tensor.defined() && t.persistent) dict.insert(path, t.tensor);
  });
  return dict;
}

namespace {

// Gives `t` another value, of any shape, dtype and device. Copies of the handle see it.
void give_value(const Tensor& t, const Tensor& value) { t.cell()->rebind(value.cell()->value()); }

/// Batch and instance norm count batches in a buffer that PyTorch's files have only since 2018, and
/// that only a momentum of nothing reads. As there, a dict may lack it.
bool may_be_missing(const StateDict& own, const std::string& key) {
  constexpr std::string_view kCount = "num_batches_tracked", kMean = "running_mean";
  if (!key.ends_with(kCount)) return false;
  const std::string prefix = key.substr(0, key.size() - kCount.size());
  return (prefix.empty() || prefix.ends_with('.')) && own.contains(prefix + std::string(kMean));
}

/// Before 0.4 PyTorch had no tensors of rank 0: old files hold [1] where a number is meant.
bool is_old_scalar(const Tensor& own, const Tensor& value) {
  return own.dim() == 0 && value.shape() == Shape{1};
}

std::string listing(const char* what, const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  std::string text = fmt::format("\n  {} ({}):", what, lines.size());
  for (const std::string& line : lines) text += "\n    " + line;
  return text;
}

}  // namespace

LoadReport Module::load_state_dict(const StateDict& dict, bool strict, Site at) {
  const SiteScope scope(at);
  const StateDict own = state_dict();
  LoadReport report;
  std::vector<std::string> misshapen;
  for (const auto& [key, tensor] : own) {
    const auto found = dict.find(key);
    if (found == dict.end() || !found->second.defined()) {
      if (!may_be_missing(own, key)) report.missing.push_back(key);
    } else if (found->second.shape() != tensor.shape() && !is_old_scalar(tensor, found->second))
      misshapen.push_back(fmt::format("{}: {} in the module, {} in the dict", key,
                                      tensor.shape().str(), found->second.shape().str()));
  }
  for (const auto& [key, tensor] : dict)
    if (!own.contains(key)) report.unexpected.push_back(key);
  if (!misshapen.empty() || (strict && !(report.missing.empty() && report.unexpected.empty()))) {
    std::vector<std::string> unexpected;  // names of somebody else's
    for (const std::string& key : report.unexpected) unexpected.push_back(printable(key));
    throw ValueError(fmt::format("load_state_dict: the dict does not fit {}{}{}{}", type_name(),
                                 listing("missing keys", report.missing),
                                 listing("unexpected keys", unexpected),
                                 listing("shapes that differ", misshapen)));
  }

  const NoGradGuard no_grad;
  std::vector<std::pair<Tensor, Tensor>> values;  // all of them, before the first is taken over
  std::vector<Tensor> copies;  // to another device: they are there then, as in convert()
  for (const auto& [key, tensor] : own) {
    const auto found = dict.find(key);
    if (found == dict.end() || !found->second.defined()) continue;
    Tensor value = plain(found->second);
    if (is_old_scalar(tensor, value)) value = value.reshape({});
    if (value.dtype() != tensor.dtype()) value = value.to(tensor.dtype());
    if (value.device() != tensor.device()) copies.push_back(value = value.to(tensor.device()));
    values.emplace_back(tensor, value);
  }
  if (!copies.empty()) ingot::eval(copies);
  for (const auto& [tensor, value] : values) give_value(tensor, value);
  return report;
}

// -- Changes ----------------------------------------------------------------------------------

// All of them or none: whatever is refused (a dtype that the device has not, memory) is refused
// before the first tensor has changed. What goes to another device is there then, since a copy that
// is still to be made could fail when the values can only be had by way of that device.
void Module::convert(const std::function<Tensor(const Tensor&)>& f) {
  const NoGradGuard no_grad;
  struct Change {
    Tensor tensor, value, grad;  // undefined: stays as it is
  };
  std::vector<Change> changes;
  std::vector<Tensor> copies;
  std::unordered_set<const Cell*> seen;  // shared tensors are converted once
  const auto converted = [&](const Tensor& before) -> Tensor {
    const Tensor after = f(before);
    if (after.is_same(before)) return {};
    if (after.device() != before.device()) copies.push_back(after);
    return after;
  };
  visit("", [&](const std::string&, const NamedTensor& t) {
    if (!t.tensor.defined() || !seen.insert(t.tensor.cell()).second) return;
    const Tensor grad = t.tensor.grad();
    changes.push_back(
        {t.tensor, converted(plain(t.tensor)), grad.defined() ? converted(grad) : Tensor()});
  });
  if (!copies.empty()) ingot::eval(copies);
  for (const Change& c : changes) {
    if (c.value.defined()) give_value(c.tensor, c.value);
    if (c.grad.defined()) c.tensor.cell()->set_grad(c.grad);
  }
}

namespace {
Tensor in_dtype(const Tensor& t, DType dtype) {
  return t.is_floating_point() && t.dtype() != dtype ? t.to(dtype) : t;
}
}  // namespace

void Module::require_floating(DType dtype) const {
  if (!is_floating(dtype))
    throw DTypeError(
        fmt::format("{}: a module can only be converted to a floating-point dtype, not {}",
                    type_name(), name(dtype)));
}

Module& Module::to(Device device, Site at) { return move_to(device, false, at); }

Module& Module::to(Device device, DType dtype, Site at) {
  const SiteScope scope(at);
  require_floating(dtype);
  convert([&](const Tensor& t) {
    const Tensor here = in_dtype(t, dtype);
    return here.device() == device ? here : here.to(device);
  });
  return *this;
}

Module& Module::move_to(Device device, bool non_blocking, Site at) {
  const SiteScope scope(at);
  convert([&](const Tensor& t) { return t.device() == device ? t : t.to(device, non_blocking); });
  return *this;
}

Module& Module::to(DType dtype, Site at) {
  const SiteScope scope(at);
  require_floating(dtype);
  convert([&](const Tensor& t) { return in_dtype(t, dtype); });
  return *this;
}

Module& Module::train(bool on) {
  require_registered_members();
  training_ = on;
  for (const Child& child : children_) child.get()->train(on);
  return *this;
}

Module& Module::zero_grad() {
  for (Tensor& p : parameters()) p.set_grad({});
  return *this;
}

Module& Module::requires_grad_(bool on) {
  for (Tensor& p : parameters()) p.requires_grad_(on);
  return *this;
}

Module& Module::apply(const std::function<void(Module&)>& f) {
  require_registered_members();
  for (Module* child : children()) child->apply(f);
  f(*this);
  return *this;
}

// -- Calls and hooks --------------------------------------------------------------------------

struct Module::Hooks {
  template <class Hook>
  struct ListOf;
  template <class Signature>
  struct ListOf<std::function<Signature>> {
    using Type = HookList<Signature>;
  };
  template <class Hook>
  using List = typename ListOf<Hook>::Type;

  std::shared_ptr<List<ForwardPreHook>> before = std::make_shared<List<ForwardPreHook>>();
  std::shared_ptr<List<ForwardHook>> after = std::make_shared<List<ForwardHook>>();
  std::shared_ptr<List<FullBackwardHook>> backward = std::make_shared<List<FullBackwardHook>>();
};

Module::Hooks& Module::hooks() {
  if (!hooks_) hooks_ = std::make_shared<Hooks>();
  return *hooks_;
}

HookHandle Module::register_forward_pre_hook(ForwardPreHook hook) {
  return Hooks::List<ForwardPreHook>::add(hooks().before, std::move(hook));
}

HookHandle Module::register_forward_hook(ForwardHook hook) {
  return Hooks::List<ForwardHook>::add(hooks().after, std::move(hook));
}

HookHandle Module::register_full_backward_hook(FullBackwardHook hook) {
  return Hooks::List<FullBackwardHook>::add(hooks().backward, std::move(hook));
}

Tensor Module::compute_with_backward_hooks(const Tensor& x, const Compute& compute) {
  // Backward may run when the module is gone: its hooks live and die with it.
  const auto call = [weak = std::weak_ptr(hooks_), this](const Tensor& grad_input,
                                                         const Tensor& grad_output) {
    Tensor result = grad_input;
    if (const auto all = weak.lock())
      for (const auto& hook : all->backward->running())
        if (Tensor changed = (*hook)(*this, result, grad_output); changed.defined())
          result = changed;
    return result;
  };
  if (!is_grad_enabled() || !x.requires_grad()) {
    Tensor y = compute(x);
    if (y.requires_grad())
      y.register_hook([call](const Tensor& grad) {
        call(Tensor(), grad);
        return Tensor();
      });
    return y;
  }
  // A view of its own, so that the gradient is that of this use of x alone.
  Tensor own = x.unsqueeze(0).squeeze(0);
  const auto grad_output = std::make_shared<Tensor>();
  own.register_hook([call, grad_output](const Tensor& grad) {
    return call(grad, std::exchange(*grad_output, Tensor()));
  });
  Tensor y = compute(own);
  if (y.requires_grad())
    y.register_hook([grad_output](const Tensor& grad) {
      *grad_output = grad;
      return Tensor();
    });
  return y;
}

Tensor Module::forward(const Tensor&) {
  throw ValueError(fmt::format(
      "{0} cannot be called with one tensor: the class has no `Tensor forward(const Tensor& x)`",
      type_name()));
}

Module& Module::in_place() const {
  const Module* module = this;
  while (module->replacement_) module = module->replacement_;
  return const_cast<Module&>(*module);
}

Tensor Module::operator()(const Tensor& x, Site at) const {
  Module& module = in_place();
  if (module.hooks_)
    return call_of(module, x, at, [&](const Tensor& input) { return module.forward(input); });
  module.require_registered_members();
  const SiteScope scope(at);
  return module.forward(x);
}

Tensor Module::call_of(Module& module, const Tensor& x, Site at, const Compute& compute) {
  module.require_registered_members();
  const SiteScope scope(at);
  if (!module.hooks_) return compute(x);
  Tensor input = x;
  for (const auto& hook : module.hooks_->before->running())
    if (Tensor changed = (*hook)(module, input); changed.defined()) input = changed;
  Tensor output = module.hooks_->backward->empty()
                      ? compute(input)
                      : module.compute_with_backward_hooks(input, compute);
  for (const auto& hook : module.hooks_->after->running())
    if (Tensor changed = (*hook)(module, input, output); changed.defined()) output = changed;
  return output;
}

void Module::refuse_call(const Module& called, const Module& replacement) {
  throw ValueError(
      fmt::format("{0} has been replaced by {1}, which does not take a call with {0}'s arguments",
                  called.type_name(), replacement.type_name()));
}

}  // namespace ingot::nn
