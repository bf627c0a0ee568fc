/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/prompt.h"

#include "base/mem.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    interrupted = number;
}

/* Up to the line's end; false when that does not come, or much too late. The signal that may end it is
 * blocked but in ppoll(2): it is not missed when it comes right before. */
static bool read_text(int tty, const sigset_t *waiting, char *out, size_t size)
{
    struct pollfd ready = { .fd = tty, .events = POLLIN };
    size_t n = 0;
    char c = 0;
    ssize_t got = -1;
    bool fits = true;
    while (ppoll(&ready, 1, NULL, waiting) == 1 && (got = read(tty, &c, 1)) == 1 && c != '\n') {
        fits = fits && n + 1 < size;
        if (fits)
            out[n++] = c;
    }
    out[n] = '\0';
    return interrupted == 0 && got >= 0 && fits && n > 0;
}

/* One line of the terminal, without echo. A signal ends it, and the program, once the echo is back. */
static enum fault_code read_line(int tty, const char *prompt, char *out, size_t size, struct fault *f)
{
    struct termios before, silent;
    struct sigaction action = { .sa_handler = on_interrupt }, old;
    sigset_t blocked, waiting;
    if (tcgetattr(tty, &before) != 0)
        return fault_set(f, FAULT_IO, "the terminal cannot be made silent");
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    interrupted = 0;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, &waiting);
    sigaction(SIGINT, &action, &old);
    bool good = tcsetattr(tty, TCSAFLUSH, &silent) == 0;
    if (good) {
        dprintf(tty, "%s: ", prompt);
        good = read_text(tty, &waiting, out, size);
    }
    (void)tcsetattr(tty, TCSAFLUSH, &before);
    dprintf(tty, "\n");
    sigprocmask(SIG_SETMASK, &waiting, NULL);
    sigaction(SIGINT, &old, NULL);
    if (interrupted != 0) {
        mem_wipe(out, size);
        raise(interrupted);
    }
    if (!good)
        return fault_set(f, FAULT_INPUT, "nothing of 1 to %zu bytes was typed", size - 1);
    return FAULT_OK;
}

enum fault_code prompt_secret(const char *prompt, const char *otherwise, char *out, size_t size,
                              struct fault *f)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0)
        return fault_set(f, FAULT_INPUT, "no terminal to ask on (%s): %s", prompt, otherwise);
    enum fault_code code = read_line(tty, prompt, out, size, f);
    close(tty);
    if (code != FAULT_OK)
        mem_wipe(out, size);
    return code;
}
