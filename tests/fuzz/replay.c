/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target without a fuzzer: on every file of the folders that are its arguments, and on mutations
 * of them that are the same each time. Without arguments replay_NAME takes
 * $CRADLE_SRCDIR/tests/fuzz/corpus/NAME. Words to mutate with come from NAME.dict above the folder `corpus`.
 * One line of TAP. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MUTATIONS   20000
#define TIME_MS     1200 /* a slow machine runs fewer mutations, from the first on */
#define INPUT_LIMIT 65536
#define GROWN_LIMIT 4096 /* mutations do not grow an input beyond this */

struct input {
    char *name;
    uint8_t *data;
    size_t size;
};
struct inputs {
    struct input *all;
    size_t count, room;
};
static struct inputs seeds, words;

/* What a crash must tell. */
static const char *target;
static const char *now_name = "";
static unsigned long now_mutation;
static const uint8_t *now_data;
static size_t now_size;

const char *__ubsan_default_options(void);
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

const char *__ubsan_default_options(void)
{
    return "halt_on_error=1:abort_on_error=1:print_stacktrace=1";
}

/* --- the end --- */

/* write(2) alone: this runs in a signal handler. */
static void say(int fd, const char *text)
{
    size_t n = strlen(text);
    while (n > 0) {
        ssize_t written = write(fd, text, n);
        if (written <= 0)
            return;
        text += written;
        n -= (size_t)written;
    }
}

static void keep_input(const char *file)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    if (write(fd, now_data, now_size) == (ssize_t)now_size) {
        say(STDOUT_FILENO, "# the input is kept in ");
        say(STDOUT_FILENO, file);
        say(STDOUT_FILENO, "\n");
    }
    close(fd);
}

static void tell_failure(void)
{
    static char line[1024], file[256];
    static bool told;
    if (told)
        return;
    told = true;
    snprintf(line, sizeof line, "not ok 1 - %s: file %s, mutation %lu\n", target, now_name, now_mutation);
    say(STDOUT_FILENO, line);
    snprintf(file, sizeof file, "crash-%s", target);
    keep_input(file);
}

static void on_signal(int number)
{
    tell_failure();
    signal(number, SIG_DFL);
    raise(number);
}

/* --- files --- */

static __attribute__((noreturn, format(printf, 1, 2))) void give_up(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("Bail out! ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    exit(99);
}

static void add(struct inputs *to, const char *name, const void *data, size_t n)
{
    if (to->count == to->room) {
        to->room = to->room > 0 ? 2 * to->room : 64;
        to->all = reallocarray(to->all, to->room, sizeof *to->all);
        if (to->all == NULL)
            give_up("out of memory");
    }
    struct input *one = &to->all[to->count++];
    one->name = strdup(name);
    one->data = (uint8_t *)fuzz_copy(data, n);
    one->size = n;
    if (one->name == NULL)
        give_up("out of memory");
}

static void drop(struct inputs *from)
{
    for (size_t i = 0; i < from->count; i++) {
        free(from->all[i].name);
        free(from->all[i].data);
    }
    free(from->all);
}

static size_t read_whole(const char *file, char *out)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        give_up("%s: %s", file, strerror(errno));
    size_t used = 0;
    ssize_t got;
    while (used < INPUT_LIMIT && (got = read(fd, out + used, INPUT_LIMIT - used)) > 0)
        used += (size_t)got;
    close(fd);
    return used;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct input *)a)->name, ((const struct input *)b)->name);
}

/* Sorted: the order of a folder is another one on each machine. */
static void read_folder(const char *folder)
{
    static char bytes[INPUT_LIMIT];
    DIR *dir = opendir(folder);
    if (dir == NULL)
        give_up("%s: %s", folder, strerror(errno));
    size_t first = seeds.count;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char file[4096];
        struct stat info;
        snprintf(file, sizeof file, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && stat(file, &info) == 0 && S_ISREG(info.st_mode))
            add(&seeds, entry->d_name, bytes, read_whole(file, bytes));
    }
    closedir(dir);
    if (seeds.count > first)
        qsort(seeds.all + first, seeds.count - first, sizeof *seeds.all, by_name);
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : 0;
}

/* libFuzzer's dictionaries: name="text" a line, with \xHH, \\ and \" (lower-case hex digits here). */
static void read_words(const char *file)
{
    FILE *in = fopen(file, "re");
    char line[1024];
    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        char *at = strchr(line, '"'), *end = strrchr(line, '"');
        if (line[0] == '#' || at == NULL || end == at)
            continue;
        char word[sizeof line];
        size_t n = 0;
        for (at++; at < end; at++) {
            if (at[0] == '\\' && at[1] == 'x' && end - at >= 4) {
                word[n++] = (char)(hex(at[2]) << 4 | hex(at[3]));
                at += 3;
            } else {
                at += at[0] == '\\';
                word[n++] = *at;
            }
        }
        if (n > 0)
            add(&words, "", word, n);
    }
    if (in != NULL)
        fclose(in);
}

/* --- mutations --- */

/* xorshift64*: the same numbers on every machine. */
static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t below(size_t bound)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return bound > 0 ? (uint32_t)((random_state * 0x2545f4914f6cdd1d >> 32) % bound) : 0;
}

struct bytes {
    uint8_t at[GROWN_LIMIT];
    size_t used;
};

static void put_in(struct bytes *b, size_t where, const void *data, size_t n)
{
    if (n > sizeof b->at - b->used)
        n = sizeof b->at - b->used;
    memmove(b->at + where + n, b->at + where, b->used - where);
    memcpy(b->at + where, data, n);
    b->used += n;
}

static void take_out(struct bytes *b, size_t where, size_t n)
{
    memmove(b->at + where, b->at + where + n, b->used - where - n);
    b->used -= n;
}

static void mutate(struct bytes *b)
{
    static const uint8_t telling[] = { 0,   1,    9,   10,  13,  27,   ' ',  '"',  '%',  '&', '\'', ',',
                                       '-', '.',  '/', '0', '9', ':',  ';',  '<',  '=',  '@', 'A',  'Z',
                                       '[', '\\', 'a', 'f', 'z', 0x7f, 0x80, 0xc0, 0xef, 0xff };
    size_t where = below(b->used + 1), left = b->used - where;
    uint8_t piece[64];
    size_t n = left > 0 ? 1 + below(left < sizeof piece ? left : sizeof piece) : 0;
    switch (below(9)) {
    case 0:
        if (left > 0)
            b->at[where] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        if (left > 0)
            b->at[where] = telling[below(sizeof telling)];
        break;
    case 2:
        put_in(b, where, &telling[below(sizeof telling)], 1);
        break;
    case 3:
        take_out(b, where, n);
        break;
    case 4:
        b->used = where;
        break;
    case 5: /* a piece a second time, elsewhere */
        memcpy(piece, b->at + where, n);
        put_in(b, below(b->used + 1), piece, n);
        break;
    case 6: /* a run, to find limits */
        memset(piece, left > 0 ? b->at[where] : 'a', sizeof piece);
        for (uint32_t times = 1 + below(8); times > 0; times--)
            put_in(b, where, piece, sizeof piece);
        break;
    case 7:
        if (words.count > 0) {
            const struct input *word = &words.all[below(words.count)];
            put_in(b, where, word->data, word->size);
        }
        break;
    default: { /* the end of another one */
        const struct input *other = &seeds.all[below(seeds.count)];
        size_t from = below(other->size + 1);
        b->used = where;
        put_in(b, where, other->data + from, other->size - from);
    }
    }
}

/* --- the run --- */

static void run(const char *name, unsigned long mutation, const uint8_t *data, size_t n)
{
    uint8_t *copy = (uint8_t *)fuzz_copy(data, n);
    now_name = name;
    now_mutation = mutation;
    now_data = copy;
    now_size = n;
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static int64_t steady_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static unsigned long run_mutations(void)
{
    static struct bytes b;
    int64_t end = steady_ms() + TIME_MS;
    unsigned long i;
    for (i = 0; i < MUTATIONS && seeds.count > 0 && (i % 16 != 0 || steady_ms() < end); i++) {
        const struct input *seed = &seeds.all[below(seeds.count)];
        b.used = 0;
        put_in(&b, 0, seed->data, seed->size);
        for (uint32_t times = 1 + below(6); times > 0; times--)
            mutate(&b);
        run(seed->name, i + 1, b.at, b.used);
    }
    return i;
}

static const char *target_of(const char *program)
{
    const char *slash = strrchr(program, '/'), *name = slash != NULL ? slash + 1 : program;
    const char *mark = strstr(name, "replay_");
    return mark != NULL ? mark + strlen("replay_") : name;
}

int main(int argc, char **argv)
{
    char folder[4096], file[4200];
    const char *source = getenv("CRADLE_SRCDIR");
    target = target_of(argv[0]);
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("1..1\n");
    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", source != NULL ? source : ".", target);
    if (argc < 2)
        read_folder(folder);
    for (int i = 1; i < argc; i++)
        read_folder(argv[i]);
    snprintf(file, sizeof file, "%s/../../%s.dict", argc < 2 ? folder : argv[1], target);
    read_words(file);
    if (seeds.count == 0)
        give_up("no corpus: give a folder, or set CRADLE_SRCDIR");
    signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(tell_failure);
    else
        signal(SIGSEGV, on_signal);

    run("", 0, (const uint8_t *)"", 0);
    for (size_t i = 0; i < seeds.count; i++)
        run(seeds.all[i].name, 0, seeds.all[i].data, seeds.all[i].size);
    unsigned long mutations = run_mutations();
    /* No count of mutations: the line is the same on every machine. */
    printf("# %zu files, %lu mutations, %zu words\n", seeds.count, mutations, words.count);
    printf("ok 1 - %s\n", target);
    drop(&seeds);
    drop(&words);
    return 0;
}
