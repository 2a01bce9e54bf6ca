/* A number that tells what a step was asked: 64-bit FNV-1a. It is compared, never trusted with more. */
#ifndef ENGINE_TASK_DIGEST_H
#define ENGINE_TASK_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_START UINT64_C(14695981039346656037)

/* H with N more bytes in it. */
uint64_t digest_add(uint64_t h, const void *p, size_t n);

/* H with another digest in it. */
uint64_t digest_join(uint64_t h, uint64_t other);

#endif
