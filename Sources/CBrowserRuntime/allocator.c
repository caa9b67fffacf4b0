#include "CBrowserRuntime.h"
