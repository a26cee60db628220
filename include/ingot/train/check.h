// check_training: what a training step would need on a device, and which of its operations the
// device cannot do, before anything is computed. `ingot check` prints it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/nn/module.h>
#include <ingot/optim/optimizer.h>

namespace ingot::train {

/// What is to be looked at.
struct TrainingStep {
  std::shared_ptr<nn::Module> net;
  std::shared_ptr<optim::Optimizer> optimizer;
  /// One training step as the program's loop takes it: forward, loss, zero_grad(), backward(),
  /// optimizer->step().
  std::function<void()> run;
  /// What comes between steps, such as measuring on other data; may be empty.
  std::function<void()> measure = nullptr;
};

/// An operation of a step for which the device has no kernel. The cpu computes it, with copies
/// there and back.
struct LackingOperation {
  std::string operation;         ///< as it was recorded: "softmax"
  std::vector<std::string> ops;  ///< itself, or what it is made of and the device has not
  std::string operand;           ///< of one of them: "float32[2, 3]"
  std::string place;             ///< where one was recorded: "net.cpp:41"
  std::int64_t count = 0;        ///< how many of a step
  std::uint64_t nbytes = 0;      ///< copied for them in a step, there and back
  bool refused = false;          ///< INGOT_FALLBACK=error: the step would throw
};

struct TrainingCheck {
  Device device;
  /// By bytes copied, the most first.
  std::vector<LackingOperation> lacking;
  /// The error that stopped the step before its plan was made; empty when there was none.
  std::string error;
  std::uint64_t transferred_nbytes = 0;  ///< in a step, with the copies that the program asks for

  // Bytes on the device.
  std::size_t parameter_nbytes = 0, buffer_nbytes = 0, gradient_nbytes = 0;
  std::size_t optimizer_nbytes = 0;
  std::size_t temporary_nbytes = 0;  ///< the arena of the largest plan
  /// The most that max_memory_allocated(device) would show, from making the network on: with what
  /// blocks are rounded up to. What existed before is not counted.
  std::size_t peak_nbytes = 0;

  /// Nothing is refused.
  bool can_run() const;
  /// Nothing falls back either.
  bool stays_on_device() const { return can_run() && lacking.empty(); }
  /// As text, for people.
  std::string str() const;
};

/// Plans what `make` makes, without computing anything and without taking the device's memory.
///
/// `make` is given the device and makes network, optimizer and input from nothing: what it makes
/// must not be used afterwards, and it must not hold tensors from outside. It is called on a thread
/// of its own; the default generator stands afterwards where it stood. Three steps are planned,
/// since the first ones make the optimizer's state. A step must not look at values (`item()`): that
/// is reported as its error.
///
///   auto check = train::check_training("cuda", [](ingot::Device device) {
///     auto net = std::make_shared<Net>();
///     net->to(device);
///     auto adam = std::make_shared<optim::Adam>(net->parameters());
///     auto x = ingot::rand({32, 3, 64, 64});
///     auto labels = ingot::zeros({32}, {.dtype = ingot::int64});
///     return train::TrainingStep{net, adam, [=] {
///       adam->zero_grad();
///       ingot::cross_entropy((*net)(x.to(device)), labels.to(device)).backward();
///       adam->step();
///     }};
///   });
///
/// Throws DeviceError when the device is not available.
TrainingCheck check_training(Device device, const std::function<TrainingStep(Device)>& make);

}  // namespace ingot::train
