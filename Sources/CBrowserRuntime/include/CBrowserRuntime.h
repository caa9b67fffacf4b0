#ifndef CBROWSERRUNTIME_H
#define CBROWSERRUNTIME_H
#include <stddef.h>
#endif
