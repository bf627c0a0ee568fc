/* SPDX-License-Identifier: Apache-2.0 */
/* The command table: one row for every command of RFC 959, 2228, 2389, 2428, 2640, 3659, 4217 and 7151 (and
 * the X forms of RFC 775), done or refused for a reason. HELP and FEAT are made from it; dispatch.c alone
 * acts upon it. Floor 3. */
#ifndef CRADLE_FTPS_COMMAND_H
#define CRADLE_FTPS_COMMAND_H

#include "ftps/reply.h"
#include <stddef.h>

/* In which states a command is legal; nowhere: it is refused. */
#define IN_NAME   (1u << 0)
#define IN_SECRET (1u << 1)
#define IN_READY  (1u << 2)
#define IN_BUSY   (1u << 3)
#define IN_ANY    (IN_NAME | IN_SECRET | IN_READY)

enum argument {
    A_NONE,         /* must not have one */
    A_OPTIONAL,     /* text or nothing */
    A_TEXT,         /* text */
    A_PATH,         /* names something: session.path */
    A_PATH_OPTIONAL /* the same, or nothing: the working folder */
};

#define HIDE_ARGUMENT                                                                                      \
    1u                  /* a secret: any bytes are an argument, even those that make other lines malformed \
                         */
#define SKIP_OPTIONS 2u /* "-la" before the path means nothing here */

/* What a handler made of its command: DONE and CLOSE have said their reply, PENDING will say it later and has
 * entered CHECKING or BUSY, or has found the command legal in BUSY. */
enum outcome { DONE, PENDING, CLOSE };

struct session;
struct command {
    const char *verb;
    unsigned legal;
    enum argument argument;
    unsigned properties;
    enum outcome (*handler)(struct session *s, const char *argument); /* argument: "" for none */
    const char *syntax;                                               /* behind the verb */
    const char *feature;                                              /* its line in FEAT; NULL: none */
    enum reply refusal;                                               /* refused rows */
    const char *help; /* what it does; refused rows: why not, which is the reply's text */
};
extern const struct command command_table[];
extern const size_t command_count;

/* NULL: unknown. Any case. */
const struct command *command_find(const char *verb, size_t n);

/* command_login.c */
enum outcome cmd_user(struct session *s, const char *argument);
enum outcome cmd_pass(struct session *s, const char *argument);
enum outcome cmd_quit(struct session *s, const char *argument);
void command_refuse_login(void *session); /* the refusal's time has come */

/* command_info.c */
enum outcome cmd_feat(struct session *s, const char *argument);
enum outcome cmd_opts(struct session *s, const char *argument);
enum outcome cmd_syst(struct session *s, const char *argument);
enum outcome cmd_help(struct session *s, const char *argument);
enum outcome cmd_noop(struct session *s, const char *argument);
enum outcome cmd_stat(struct session *s, const char *argument);
enum outcome cmd_pbsz(struct session *s, const char *argument);
enum outcome cmd_prot(struct session *s, const char *argument);
enum outcome cmd_type(struct session *s, const char *argument);
enum outcome cmd_mode(struct session *s, const char *argument);
enum outcome cmd_stru(struct session *s, const char *argument);

/* command_file.c */
enum outcome cmd_pwd(struct session *s, const char *argument);
enum outcome cmd_cwd(struct session *s, const char *argument);
enum outcome cmd_cdup(struct session *s, const char *argument);
enum outcome cmd_size(struct session *s, const char *argument);
enum outcome cmd_mdtm(struct session *s, const char *argument);
enum outcome cmd_mlst(struct session *s, const char *argument);
enum outcome cmd_dele(struct session *s, const char *argument);
enum outcome cmd_mkd(struct session *s, const char *argument);
enum outcome cmd_rmd(struct session *s, const char *argument);
enum outcome command_stat_path(struct session *s, const char *argument); /* STAT with a path */

/* command_data.c */
enum outcome cmd_pasv(struct session *s, const char *argument);
enum outcome cmd_epsv(struct session *s, const char *argument);
enum outcome cmd_rest(struct session *s, const char *argument);
enum outcome cmd_allo(struct session *s, const char *argument);
enum outcome cmd_retr(struct session *s, const char *argument);
enum outcome cmd_stor(struct session *s, const char *argument);
enum outcome cmd_appe(struct session *s, const char *argument);
enum outcome cmd_list(struct session *s, const char *argument);
enum outcome cmd_nlst(struct session *s, const char *argument);
enum outcome cmd_mlsd(struct session *s, const char *argument);
enum outcome cmd_abor(struct session *s, const char *argument);
/* session.offering waits for a port in session.port_wait: */
void command_offer_init(struct session *s); /* before the first of them */
void command_offer_late(struct session *s); /* session.delay has fired */
void command_offer_end(struct session *s);  /* without one */

#endif
