/* Preloaded into a test process: counts the calls that make data last, on paths under one folder, and kills the
 * process with SIGKILL right before the n-th. crash_points_arm(folder, n) starts counting (n = 0: only count),
 * crash_points_count() tells how many there were.
 *
 * crash_points_watch(folder, see) instead calls see(n) right before the n-th: what lies in the folder then is what a
 * kill at that moment would leave, since a kill forgets nothing that the kernel was told.
 *
 * crash_points_fail(folder, kinds, n, times, error, report) instead makes the n-th call of these kinds, and as many
 * after it as make `times`, return `error` (an errno) without doing anything, and writes a line to the descriptor
 * `report` then, and whenever an fsync that failed so is tried again on the same descriptor.
 *
 * crash_points_then_kill(calls) kills the process, when the last of those has failed, right before so many watched calls
 * later (1: the next); 0: not.
 *
 * crash_points_slow(folder, kinds, milliseconds) makes each call of these kinds wait so long first.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char watched[4096];
static atomic_int calls;
enum { WRITE = 1, SYNC = 2, TRUNCATE = 4, NAME = 8, REMOVE = 16, MAKE = 32, ALL = 63 };
static int chosen_kinds = ALL;
static int chosen_call;
static int chosen_times = 1;
static int chosen_error; /* 0: kill */
static int report_to;
static int kill_after;
static atomic_int left_to_live;
static void (*see_call)(int);
static int slow_ms;
#define DESCRIPTORS 65536
static atomic_char sync_failed[DESCRIPTORS];

void crash_points_arm(const char *folder, int n) {
    snprintf(watched, sizeof watched, "%s", folder);
    atomic_store(&calls, 0);
    chosen_call = n;
}

void crash_points_watch(const char *folder, void (*see)(int)) {
    see_call = see;
    crash_points_arm(folder, 0);
}

void crash_points_fail(const char *folder, int kinds, int n, int times, int error, int report) {
    chosen_kinds = kinds;
    chosen_times = times;
    chosen_error = error;
    report_to = report;
    crash_points_arm(folder, n);
}

void crash_points_then_kill(int calls) { kill_after = calls; }

void crash_points_slow(const char *folder, int kinds, int milliseconds) {
    chosen_kinds = kinds;
    slow_ms = milliseconds;
    crash_points_arm(folder, 0);
}

int crash_points_count(void) { return atomic_load(&calls); }

static void tell(const char *line) { syscall(SYS_write, report_to, line, strlen(line)); }

static void tell_again(int fd) {
    char link[64], path[3800], line[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    snprintf(line, sizeof line, "again: %s\n", path);
    tell(line);
}

/* Says whether the call is to fail; errno is set then. */
static int point(int kind, int is_watched) {
    if (!is_watched) return 0;
    if (atomic_load(&left_to_live) && atomic_fetch_sub(&left_to_live, 1) == 1) kill(getpid(), SIGKILL);
    if (!(kind & chosen_kinds)) return 0;
    int n = atomic_fetch_add(&calls, 1) + 1;
    if (slow_ms) usleep(1000 * slow_ms);
    if (see_call) see_call(n);
    if (n < chosen_call || n >= chosen_call + chosen_times) return 0;
    if (!chosen_error) kill(getpid(), SIGKILL);
    tell("failed\n");
    if (n == chosen_call + chosen_times - 1) atomic_store(&left_to_live, kill_after);
    errno = chosen_error;
    return 1;
}

static int path_watched(const char *path) { return watched[0] && path && strstr(path, watched) == path; }

static int descriptor_watched(int fd) {
    char link[64], path[4096];
    if (!watched[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return path_watched(path);
}

static int at_watched(int dir, const char *path) {
    return path && path[0] == '/' ? path_watched(path) : dir != AT_FDCWD && descriptor_watched(dir);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define ON(kind, result, name, parameters, arguments, is_watched) \
    result name parameters { REAL(name); return point(kind, is_watched) ? -1 : real arguments; }
#define SYNCS(name) \
    int name(int fd) { \
        REAL(name); \
        int known = fd >= 0 && fd < DESCRIPTORS; \
        if (known && sync_failed[fd]) tell_again(fd); \
        if (!point(SYNC, descriptor_watched(fd))) return real(fd); \
        if (known) sync_failed[fd] = 1; \
        return -1; \
    }

ON(WRITE, ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), descriptor_watched(fd))
ON(WRITE, ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), descriptor_watched(fd))
ON(WRITE, ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o), descriptor_watched(fd))
ON(WRITE, ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o), descriptor_watched(fd))
ON(TRUNCATE, int, ftruncate, (int fd, off_t o), (fd, o), descriptor_watched(fd))
ON(TRUNCATE, int, ftruncate64, (int fd, off64_t o), (fd, o), descriptor_watched(fd))
SYNCS(fsync)
SYNCS(fdatasync)
ON(NAME, int, rename, (const char *a, const char *b), (a, b), path_watched(a) || path_watched(b))
ON(NAME, int, renameat2, (int d, const char *a, int e, const char *b, unsigned f), (d, a, e, b, f), at_watched(d, a) || at_watched(e, b))
ON(NAME, int, link, (const char *a, const char *b), (a, b), path_watched(b))
ON(NAME, int, linkat, (int d, const char *a, int e, const char *b, int f), (d, a, e, b, f), at_watched(e, b))
ON(REMOVE, int, unlink, (const char *p), (p), path_watched(p))
ON(REMOVE, int, unlinkat, (int d, const char *p, int f), (d, p, f), at_watched(d, p))
ON(REMOVE, int, rmdir, (const char *p), (p), path_watched(p))
ON(MAKE, int, mkdir, (const char *p, mode_t m), (p, m), path_watched(p))

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list l; va_start(l, flags); mode = va_arg(l, mode_t); va_end(l); }
#define MAKES (flags & (O_CREAT | O_TRUNC))
int open(const char *p, int flags, ...) { MODE REAL(open); return point(MAKE, MAKES && path_watched(p)) ? -1 : real(p, flags, mode); }
int open64(const char *p, int flags, ...) { MODE REAL(open64); return point(MAKE, MAKES && path_watched(p)) ? -1 : real(p, flags, mode); }
int openat(int d, const char *p, int flags, ...) { MODE REAL(openat); return point(MAKE, MAKES && at_watched(d, p)) ? -1 : real(d, p, flags, mode); }
int openat64(int d, const char *p, int flags, ...) { MODE REAL(openat64); return point(MAKE, MAKES && at_watched(d, p)) ? -1 : real(d, p, flags, mode); }
int close(int fd) { REAL(close); if (fd >= 0 && fd < DESCRIPTORS) sync_failed[fd] = 0; return real(fd); }
