// The whole public interface of Ingot. Each part can also be included by itself.
#pragma once

#include <ingot/core/version.h>
