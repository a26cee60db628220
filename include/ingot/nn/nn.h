// All layers.
#pragma once

#include <ingot/nn/activation.h>
#include <ingot/nn/attention.h>
#include <ingot/nn/clip_grad.h>
#include <ingot/nn/containers.h>
#include <ingot/nn/conv.h>
#include <ingot/nn/dropout.h>
#include <ingot/nn/embedding.h>
#include <ingot/nn/init.h>
#include <ingot/nn/linear.h>
#include <ingot/nn/loss.h>
#include <ingot/nn/module.h>
#include <ingot/nn/norm.h>
#include <ingot/nn/pool.h>
#include <ingot/nn/pretrained.h>
#include <ingot/nn/recurrent.h>
#include <ingot/nn/transformer.h>
#include <ingot/nn/upsample.h>
