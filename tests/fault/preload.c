/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded into cradled with LD_PRELOAD: hurts it at a chosen moment, and writes down what it does to its state
 * folder, so that any power cut can be made of that afterwards. See world.py, which has the other end.
 *
 *   CRADLE_FAULT_FOLDER   the state folder, absolute
 *   CRADLE_FAULT_CONTROL  a file of the size of struct control, shared with the test
 *   CRADLE_FAULT_JOURNAL  optional: where operations are written down, in the order in which they happened
 *
 * SQLite's shared-memory file is left out: nobody syncs it, and it is made anew after a crash. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { WRITE = 1, SYNC = 2, MAKE = 4, TRUNCATE = 8, NAME = 16, READ = 32, SOCKET = 64 };
enum action { NOTHING, FAIL, SHORT, KILL };

struct control {
    _Atomic int64_t left;  /* 1: the next operation of these kinds; 0: none */
    _Atomic int64_t seen;  /* operations of these kinds so far */
    _Atomic int64_t hurt;  /* how many were */
    _Atomic int64_t wall;  /* ms added to the wall clock */
    _Atomic int64_t times; /* how many operations are hurt from there on; -1: all */
    _Atomic int32_t kinds, action, error, spare;
};

/* In the journal, followed by `name` and `other` bytes of names and `length` of data. */
struct record {
    int64_t time; /* CLOCK_MONOTONIC, ns; when it was done */
    uint64_t inode;
    int64_t offset;
    uint32_t type; /* 'w' write, 's' sync, 'd' sync of the folder, 't' truncate, 'c' create, 'r' rename, 'l'
                      link, 'u' unlink */
    uint32_t length, name, other;
};

#define FDS 4096
static struct control *control;
static char folder[PATH_MAX];
static size_t folder_length;
static int journal = -1;
static _Atomic uint64_t inode_of[FDS]; /* 0: not ours */
static uint64_t folder_inode;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("CRADLE_FAULT_FOLDER"), *shared = getenv("CRADLE_FAULT_CONTROL");
    const char *written = getenv("CRADLE_FAULT_JOURNAL");
    struct stat st;
    if (at == NULL || shared == NULL || strstr(program_invocation_short_name, "cradled") == NULL)
        return;
    folder_length = (size_t)snprintf(folder, sizeof folder, "%s", at);
    if (stat(folder, &st) == 0)
        folder_inode = st.st_ino;
    int fd = REAL(open)(shared, O_RDWR | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        fprintf(stderr, "fault: %s: %s\n", shared, strerror(errno));
        _exit(99);
    }
    REAL(close)(fd);
    if (written != NULL)
        journal = REAL(open)(written, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    control = map;
}

/* --- hurting --- */

/* What shall happen to an operation of that kind now. */
static enum action judge(enum kind kind)
{
    if (control == NULL || (control->kinds & (int32_t)kind) == 0)
        return NOTHING;
    control->seen++;
    if (control->left == 0 || (control->left > 1 && atomic_fetch_sub(&control->left, 1) > 1))
        return NOTHING;
    if (control->times > 0 && atomic_fetch_sub(&control->times, 1) == 1)
        control->left = 0;
    control->hurt++;
    if (control->action == KILL) {
        kill(getpid(), SIGKILL);
        pause();
    }
    return (enum action)control->action;
}

static int refuse(void)
{
    errno = control->error;
    return -1;
}

/* --- writing down --- */

static bool is_ours(const char *path)
{
    size_t n = strlen(path);
    return control != NULL && strncmp(path, folder, folder_length) == 0 &&
           (path[folder_length] == '\0' || path[folder_length] == '/') &&
           !(n > 4 && strcmp(path + n - 4, "-shm") == 0);
}

static uint64_t inode_at(int fd)
{
    return fd >= 0 && fd < FDS ? inode_of[fd] : 0;
}

static void note(struct record record, const char *name, const char *other, const struct iovec *data,
                 int parts)
{
    struct timespec now;
    struct iovec all[16];
    int n = 0;
    if (journal < 0 || parts > 12)
        return;
    REAL(clock_gettime)(CLOCK_MONOTONIC, &now);
    record.time = now.tv_sec * 1000000000LL + now.tv_nsec;
    record.name = name ? (uint32_t)strlen(name) : 0;
    record.other = other ? (uint32_t)strlen(other) : 0;
    all[n++] = (struct iovec){ &record, sizeof record };
    all[n++] = (struct iovec){ (void *)(uintptr_t)name, record.name };
    all[n++] = (struct iovec){ (void *)(uintptr_t)other, record.other };
    for (int i = 0; i < parts; i++)
        all[n++] = data[i];
    if (REAL(writev)(journal, all, n) < 0)
        _exit(98);
}

/* --- files --- */

static int opened(int fd, const char *path, bool made)
{
    struct stat st;
    if (fd < 0 || fd >= FDS || !is_ours(path) || fstat(fd, &st) != 0)
        return fd;
    inode_of[fd] = st.st_ino;
    if (made)
        note((struct record){ .type = 'c', .inode = st.st_ino }, path, NULL, NULL, 0);
    return fd;
}

#define OPEN(name)                                                                           \
    int name(const char *path, int flags, ...)                                               \
    {                                                                                        \
        va_list list;                                                                        \
        va_start(list, flags);                                                               \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;              \
        va_end(list);                                                                        \
        if (!is_ours(path))                                                                  \
            return REAL(name)(path, flags, mode);                                            \
        pthread_mutex_lock(&lock);                                                           \
        bool makes = (flags & O_CREAT) && access(path, F_OK) != 0;                           \
        int fd = makes && judge(MAKE) != NOTHING ? refuse() : REAL(name)(path, flags, mode); \
        opened(fd, path, makes);                                                             \
        pthread_mutex_unlock(&lock);                                                         \
        return fd;                                                                           \
    }
OPEN(open)
OPEN(open64)

int close(int fd)
{
    if (fd >= 0 && fd < FDS)
        inode_of[fd] = 0;
    return REAL(close)(fd);
}

static ssize_t written(int fd, const void *data, size_t n, int64_t offset, bool at)
{
    uint64_t inode = inode_at(fd);
    if (inode == 0)
        return at ? REAL(pwrite64)(fd, data, n, offset) : REAL(write)(fd, data, n);
    pthread_mutex_lock(&lock);
    enum action action = judge(WRITE);
    if (!at)
        offset = lseek(fd, 0, SEEK_CUR);
    if (action == SHORT && n > 1) { /* and the rest of it fails */
        n /= 2;
        control->action = FAIL;
        control->times = 1;
        control->left = 1;
        action = NOTHING;
    }
    ssize_t done = action != NOTHING ? refuse()
                   : at              ? REAL(pwrite64)(fd, data, n, offset)
                                     : REAL(write)(fd, data, n);
    int why = errno;
    if (done > 0) {
        const struct iovec part = { (void *)(uintptr_t)data, (size_t)done };
        note((struct record){ .type = 'w', .inode = inode, .offset = offset, .length = (uint32_t)done }, NULL,
             NULL, &part, 1);
    }
    pthread_mutex_unlock(&lock);
    errno = why;
    return done;
}

ssize_t write(int fd, const void *data, size_t n)
{
    return written(fd, data, n, 0, false);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset)
{
    return written(fd, data, n, offset, true);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset)
{
    return written(fd, data, n, offset, true);
}

#define PREAD(name, type)                                  \
    ssize_t name(int fd, void *out, size_t n, type offset) \
    {                                                      \
        if (inode_at(fd) != 0 && judge(READ) != NOTHING)   \
            return refuse();                               \
        return REAL(name)(fd, out, n, offset);             \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define SYNCS(name)                                                                                        \
    int name(int fd)                                                                                       \
    {                                                                                                      \
        uint64_t inode = inode_at(fd);                                                                     \
        if (inode == 0)                                                                                    \
            return REAL(name)(fd);                                                                         \
        pthread_mutex_lock(&lock);                                                                         \
        int rc = judge(SYNC) != NOTHING ? refuse() : REAL(name)(fd);                                       \
        int why = errno;                                                                                   \
        if (rc == 0)                                                                                       \
            note((struct record){ .type = inode == folder_inode ? 'd' : 's', .inode = inode }, NULL, NULL, \
                 NULL, 0);                                                                                 \
        pthread_mutex_unlock(&lock);                                                                       \
        errno = why;                                                                                       \
        return rc;                                                                                         \
    }
SYNCS(fsync)
SYNCS(fdatasync)

#define TRUNCATES(name, whole)                                                                           \
    int name(int fd, whole length)                                                                       \
    {                                                                                                    \
        uint64_t inode = inode_at(fd);                                                                   \
        if (inode == 0)                                                                                  \
            return REAL(name)(fd, length);                                                               \
        pthread_mutex_lock(&lock);                                                                       \
        int rc = judge(TRUNCATE) != NOTHING ? refuse() : REAL(name)(fd, length);                         \
        int why = errno;                                                                                 \
        if (rc == 0)                                                                                     \
            note((struct record){ .type = 't', .inode = inode, .offset = length }, NULL, NULL, NULL, 0); \
        pthread_mutex_unlock(&lock);                                                                     \
        errno = why;                                                                                     \
        return rc;                                                                                       \
    }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

static int named(char type, const char *from, const char *to, int (*two)(const char *, const char *),
                 int (*one)(const char *))
{
    if (!is_ours(from))
        return two ? two(from, to) : one(from);
    pthread_mutex_lock(&lock);
    struct stat st = { 0 };
    (void)lstat(from, &st);
    int rc = judge(NAME) != NOTHING ? refuse() : two ? two(from, to) : one(from);
    int why = errno;
    if (rc == 0)
        note((struct record){ .type = (uint32_t)type, .inode = st.st_ino }, from, to, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = why;
    return rc;
}

int rename(const char *from, const char *to)
{
    return named('r', from, to, REAL(rename), NULL);
}

int link(const char *from, const char *to)
{
    return named('l', from, to, REAL(link), NULL);
}

int unlink(const char *path)
{
    return named('u', path, NULL, NULL, REAL(unlink));
}

/* --- descriptors, clock --- */

int socket(int domain, int type, int protocol)
{
    return judge(SOCKET) != NOTHING ? refuse() : REAL(socket)(domain, type, protocol);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return judge(SOCKET) != NOTHING ? refuse() : REAL(accept4)(fd, address, size, flags);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int rc = REAL(clock_gettime)(id, now);
    if (rc == 0 && control != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        int64_t ns = now->tv_sec * 1000000000LL + now->tv_nsec + control->wall * 1000000LL;
        now->tv_sec = ns / 1000000000LL;
        now->tv_nsec = ns % 1000000000LL;
    }
    return rc;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
    return 0;
}
