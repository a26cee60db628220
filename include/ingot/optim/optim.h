// All optimizers and schedules.
#pragma once

#include <ingot/optim/adagrad.h>
#include <ingot/optim/adam.h>
#include <ingot/optim/optimizer.h>
#include <ingot/optim/rmsprop.h>
#include <ingot/optim/scheduler.h>
#include <ingot/optim/sgd.h>
