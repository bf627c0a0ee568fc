/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/command.h"

#include "base/mem.h"

#include <string.h>
#include <strings.h>

#define DONE_ROW(verb, legal, argument, properties, handler, syntax, feature, help)    \
    {                                                                                  \
        verb, legal, argument, properties, handler, syntax, feature, REPLY_COUNT, help \
    }
#define REFUSED_ROW(verb, reply, help)                              \
    {                                                               \
        verb, 0, A_OPTIONAL, 0, NULL, "", NULL, REPLY_##reply, help \
    }

/* clang-format off */
const struct command command_table[] = {
    /*       verb    legal in                  argument         properties     handler   syntax        FEAT           help */
    DONE_ROW("USER", IN_NAME | IN_SECRET,      A_TEXT,          HIDE_ARGUMENT, cmd_user, "NAME",       NULL,          "names who logs in"),
    DONE_ROW("PASS", IN_SECRET | IN_READY,     A_OPTIONAL,      HIDE_ARGUMENT, cmd_pass, "PASSWORD",   NULL,          "proves it"),
    DONE_ROW("QUIT", IN_ANY,                   A_NONE,          0,             cmd_quit, "",           NULL,          "ends the session"),
    DONE_ROW("PBSZ", IN_ANY,                   A_TEXT,          0,             cmd_pbsz, "0",          "PBSZ",        "is accepted; TLS needs no buffer size"),
    DONE_ROW("PROT", IN_ANY,                   A_TEXT,          0,             cmd_prot, "P",          "PROT",        "is accepted; data connections are always protected"),
    DONE_ROW("FEAT", IN_ANY,                   A_NONE,          0,             cmd_feat, "",           NULL,          "lists the extensions"),
    DONE_ROW("OPTS", IN_ANY,                   A_TEXT,          0,             cmd_opts, "UTF8 ON | MLST FACTS", "UTF8", "sets an option"),
    DONE_ROW("SYST", IN_ANY,                   A_NONE,          0,             cmd_syst, "",           NULL,          "tells the kind of listings"),
    DONE_ROW("HELP", IN_ANY,                   A_OPTIONAL,      0,             cmd_help, "[COMMAND]",  NULL,          "is this"),
    DONE_ROW("NOOP", IN_ANY,                   A_OPTIONAL,      0,             cmd_noop, "",           NULL,          "does nothing"),
    DONE_ROW("STAT", IN_ANY | IN_BUSY,         A_OPTIONAL,      SKIP_OPTIONS,  cmd_stat, "[PATH]",     NULL,          "tells the state, or lists over the control connection"),
    DONE_ROW("TYPE", IN_ANY,                   A_TEXT,          0,             cmd_type, "A | I | L 8", NULL,         "is accepted; bytes are never changed"),
    DONE_ROW("MODE", IN_ANY,                   A_TEXT,          0,             cmd_mode, "S",          NULL,          "is stream mode"),
    DONE_ROW("STRU", IN_ANY,                   A_TEXT,          0,             cmd_stru, "F",          NULL,          "is file structure"),
    DONE_ROW("PWD",  IN_READY,                 A_NONE,          0,             cmd_pwd,  "",           NULL,          "tells the working folder"),
    DONE_ROW("XPWD", IN_READY,                 A_NONE,          0,             cmd_pwd,  "",           NULL,          "is PWD"),
    DONE_ROW("CWD",  IN_READY,                 A_PATH,          0,             cmd_cwd,  "FOLDER",     NULL,          "changes the working folder"),
    DONE_ROW("XCWD", IN_READY,                 A_PATH,          0,             cmd_cwd,  "FOLDER",     NULL,          "is CWD"),
    DONE_ROW("CDUP", IN_READY,                 A_NONE,          0,             cmd_cdup, "",           NULL,          "goes one folder up"),
    DONE_ROW("XCUP", IN_READY,                 A_NONE,          0,             cmd_cdup, "",           NULL,          "is CDUP"),
    DONE_ROW("PASV", IN_READY,                 A_NONE,          0,             cmd_pasv, "",           "PASV",        "offers a data connection (IPv4)"),
    DONE_ROW("EPSV", IN_READY,                 A_OPTIONAL,      0,             cmd_epsv, "[1 | 2 | ALL]", "EPSV",     "offers a data connection"),
    DONE_ROW("SIZE", IN_READY,                 A_PATH,          0,             cmd_size, "PATH",       "SIZE",        "tells a file's bytes"),
    DONE_ROW("MDTM", IN_READY,                 A_PATH,          0,             cmd_mdtm, "PATH",       "MDTM",        "tells when a file was stored (UTC)"),
    DONE_ROW("MLST", IN_READY,                 A_PATH_OPTIONAL, 0,             cmd_mlst, "[PATH]",     "MLST",        "tells facts"),
    DONE_ROW("MLSD", IN_READY,                 A_PATH_OPTIONAL, 0,             cmd_mlsd, "[FOLDER]",   NULL,          "lists facts"),
    DONE_ROW("LIST", IN_READY,                 A_PATH_OPTIONAL, SKIP_OPTIONS,  cmd_list, "[PATH]",     NULL,          "lists for people"),
    DONE_ROW("NLST", IN_READY,                 A_PATH_OPTIONAL, SKIP_OPTIONS,  cmd_nlst, "[FOLDER]",   NULL,          "lists names"),
    DONE_ROW("RETR", IN_READY,                 A_PATH,          0,             cmd_retr, "PATH",       NULL,          "sends a file"),
    DONE_ROW("REST", IN_READY,                 A_TEXT,          0,             cmd_rest, "OFFSET",     "REST STREAM", "sets where RETR begins"),
    DONE_ROW("STOR", IN_READY,                 A_PATH,          0,             cmd_stor, "PATH",       NULL,          "replaces a file, or begins a new generation of a log"),
    DONE_ROW("APPE", IN_READY,                 A_PATH,          0,             cmd_appe, "PATH",       NULL,          "adds to a log"),
    DONE_ROW("ALLO", IN_READY,                 A_TEXT,          0,             cmd_allo, "BYTES",      NULL,          "announces an upload's size"),
    DONE_ROW("ABOR", IN_READY | IN_BUSY,       A_NONE,          0,             cmd_abor, "",           NULL,          "ends a transfer"),
    DONE_ROW("DELE", IN_READY,                 A_PATH,          0,             cmd_dele, "PATH",       NULL,          "removes a file; ends a generation of a handset's own log"),
    DONE_ROW("MKD",  IN_READY,                 A_PATH,          0,             cmd_mkd,  "FOLDER",     NULL,          "is accepted; folders are only names"),
    DONE_ROW("XMKD", IN_READY,                 A_PATH,          0,             cmd_mkd,  "FOLDER",     NULL,          "is MKD"),
    DONE_ROW("RMD",  IN_READY,                 A_PATH,          0,             cmd_rmd,  "FOLDER",     NULL,          "is accepted; an empty folder is none"),
    DONE_ROW("XRMD", IN_READY,                 A_PATH,          0,             cmd_rmd,  "FOLDER",     NULL,          "is RMD"),

    /*          verb    reply                   why not */
    REFUSED_ROW("AUTH", BAD_SEQUENCE,           "The connection is protected already"),
    REFUSED_ROW("ADAT", BAD_SEQUENCE,           "The connection is protected already"),
    REFUSED_ROW("CCC",  PROTECTION_DENIED,      "The control connection stays protected"),
    REFUSED_ROW("MIC",  PROTECTION_DENIED,      "TLS protects the control connection"),
    REFUSED_ROW("CONF", PROTECTION_DENIED,      "TLS protects the control connection"),
    REFUSED_ROW("ENC",  PROTECTION_DENIED,      "TLS protects the control connection"),
    REFUSED_ROW("ACCT", NOT_OFFERED,            "There are no accounts beside the user's"),
    REFUSED_ROW("REIN", NOT_OFFERED,            "Open a new connection to log in anew"),
    REFUSED_ROW("SMNT", NOT_OFFERED,            "There is one name space"),
    REFUSED_ROW("PORT", NOT_OFFERED,            "The server never connects outwards; use PASV or EPSV"),
    REFUSED_ROW("EPRT", NOT_OFFERED,            "The server never connects outwards; use EPSV"),
    REFUSED_ROW("STOU", NOT_OFFERED,            "Names are the client's to choose; use STOR"),
    REFUSED_ROW("RNFR", NOT_OFFERED,            "Nothing is renamed; store under the new name"),
    REFUSED_ROW("RNTO", NOT_OFFERED,            "Nothing is renamed; store under the new name"),
    REFUSED_ROW("RANG", BAD_ARGUMENT,           "Parts of files are not written; REST sets where RETR begins"),
    REFUSED_ROW("SITE", NOT_OFFERED,            "There are no site commands"),
    REFUSED_ROW("LANG", NOT_OFFERED,            "Replies are in English"),
    REFUSED_ROW("HOST", NOT_OFFERED,            "There is one host"),
    REFUSED_ROW("MFMT", NOT_OFFERED,            "Times are those of storing"),
    REFUSED_ROW("CLNT", NOT_OFFERED,            "All clients are served alike"),
};
/* clang-format on */
const size_t command_count = ARRAY_LENGTH(command_table);

const struct command *command_find(const char *verb, size_t n)
{
    for (size_t i = 0; i < command_count; i++)
        if (strncasecmp(command_table[i].verb, verb, n) == 0 && command_table[i].verb[n] == '\0')
            return &command_table[i];
    return NULL;
}
