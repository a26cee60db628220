// All models.
#pragma once

#include <ingot/models/alexnet.h>
#include <ingot/models/bert.h>
#include <ingot/models/distilbert.h>
#include <ingot/models/efficientnet.h>
#include <ingot/models/lenet.h>
#include <ingot/models/mlp.h>
#include <ingot/models/mobilenet.h>
#include <ingot/models/registry.h>
#include <ingot/models/resnet.h>
#include <ingot/models/roberta.h>
#include <ingot/models/sequence_classifier.h>
#include <ingot/models/squeezenet.h>
#include <ingot/models/vgg.h>
