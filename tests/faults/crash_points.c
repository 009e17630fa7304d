/* Preloaded into a test process: counts the calls that make data last, on paths under one folder, and kills the
 * process with SIGKILL right before the n-th. crash_points_arm(folder, n, log) starts counting (n = 0: only count),
 * crash_points_count() tells how many there were.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char watched[4096];
static atomic_int calls;
static int kill_before;

void crash_points_arm(const char *folder, int n) {
    snprintf(watched, sizeof watched, "%s", folder);
    atomic_store(&calls, 0);
    kill_before = n;
}

int crash_points_count(void) { return atomic_load(&calls); }

static void point(int is_watched) {
    if (is_watched && atomic_fetch_add(&calls, 1) + 1 == kill_before) kill(getpid(), SIGKILL);
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
#define ON(result, name, parameters, arguments, is_watched) \
    result name parameters { REAL(name); point(is_watched); return real arguments; }

ON(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), descriptor_watched(fd))
ON(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), descriptor_watched(fd))
ON(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o), descriptor_watched(fd))
ON(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o), descriptor_watched(fd))
ON(int, ftruncate, (int fd, off_t o), (fd, o), descriptor_watched(fd))
ON(int, ftruncate64, (int fd, off64_t o), (fd, o), descriptor_watched(fd))
ON(int, fsync, (int fd), (fd), descriptor_watched(fd))
ON(int, fdatasync, (int fd), (fd), descriptor_watched(fd))
ON(int, rename, (const char *a, const char *b), (a, b), path_watched(a) || path_watched(b))
ON(int, renameat2, (int d, const char *a, int e, const char *b, unsigned f), (d, a, e, b, f), at_watched(d, a) || at_watched(e, b))
ON(int, link, (const char *a, const char *b), (a, b), path_watched(b))
ON(int, linkat, (int d, const char *a, int e, const char *b, int f), (d, a, e, b, f), at_watched(e, b))
ON(int, unlink, (const char *p), (p), path_watched(p))
ON(int, unlinkat, (int d, const char *p, int f), (d, p, f), at_watched(d, p))
ON(int, rmdir, (const char *p), (p), path_watched(p))
ON(int, mkdir, (const char *p, mode_t m), (p, m), path_watched(p))

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list l; va_start(l, flags); mode = va_arg(l, mode_t); va_end(l); }
#define MAKES (flags & (O_CREAT | O_TRUNC))
int open(const char *p, int flags, ...) { MODE REAL(open); point(MAKES && path_watched(p)); return real(p, flags, mode); }
int open64(const char *p, int flags, ...) { MODE REAL(open64); point(MAKES && path_watched(p)); return real(p, flags, mode); }
int openat(int d, const char *p, int flags, ...) { MODE REAL(openat); point(MAKES && at_watched(d, p)); return real(d, p, flags, mode); }
int openat64(int d, const char *p, int flags, ...) { MODE REAL(openat64); point(MAKES && at_watched(d, p)); return real(d, p, flags, mode); }
