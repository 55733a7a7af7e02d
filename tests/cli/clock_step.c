/* The wall clock goes ahead by as many seconds as the file says that CLOCK_STEP names, from the moment that it says so,
   for every process that loads this (LD_PRELOAD): as after a host that was suspended. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static volatile long long *ahead_s;
static int (*below)(clockid_t, struct timespec *);

__attribute__((constructor)) static void look(void) {
    const char *name = getenv("CLOCK_STEP");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) ahead_s = mmap(0, sizeof *ahead_s, PROT_READ, MAP_SHARED, file, 0);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!below) below = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = below(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME && ahead_s) now->tv_sec += *ahead_s;
    return result;
}
