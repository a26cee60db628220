// All models.
#pragma once

#include <ingot/models/lenet.h>
#include <ingot/models/mlp.h>
#include <ingot/models/registry.h>
#include <ingot/models/resnet.h>
