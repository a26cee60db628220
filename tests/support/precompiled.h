// What nearly every test includes, parsed once for all of them (see src/precompiled.h).
#pragma once

#include <gtest/gtest.h>
#include <ingot/ingot.h>
