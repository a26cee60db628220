// Optimizers and learning rates by the names that transformers gives them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ingot/glue/arguments.h>
#include <ingot/nn/module.h>
#include <ingot/optim/optimizer.h>

namespace ingot::glue {

std::vector<std::string> schedules();
std::vector<std::string> optimizers();

/// Whether weight decay spares a parameter: one of a LayerNorm, a bias, or named as a norm.
bool is_spared(const nn::Module& owner, const std::string& name);

/// Two groups of parameters, with weight decay and without.
std::unique_ptr<optim::Optimizer> make_optimizer(nn::Module& model,
                                                 const TrainingArguments& arguments);

/// What the schedule is told by lr_scheduler_kwargs, or its defaults.
std::map<std::string, double> schedule_options(const TrainingArguments& arguments);

/// Steps of warming up, of `total`.
std::int64_t warmup_steps(const TrainingArguments& arguments, std::int64_t total);

/// What the learning rate is multiplied by in a step, from 0; of "reduce_lr_on_plateau" always 1.
/// Throws ValueError for lr_scheduler_kwargs that the schedule does not know, or that are no
/// numbers.
std::function<double(std::int64_t step)> make_schedule(const TrainingArguments& arguments,
                                                       std::int64_t total);

}  // namespace ingot::glue
