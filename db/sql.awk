# SPDX-License-Identifier: Apache-2.0
# Embeds the SQL of db/sql/ in C. Usage:
#   awk -v out=h -f db/sql.awk db/sql/schema/*.sql db/sql/*.sql > db/sql.h
#   awk -v out=c -f db/sql.awk db/sql/schema/*.sql db/sql/*.sql > db/sql.c
#
# A file whose folder is named schema and whose name is a number is a schema step. Every other file holds named statements:
#   -- account_get (t) -> (t, t, i)
#   SELECT … WHERE name = $1;
# in which the letters are the types of the parameters $1, $2, … and of the columns of a row: i integer, t text, b blob.
# Other comment lines are dropped, unless they look like a header that is misspelt: its text would join the statement
# before it. What is wrong stops the run with a message, and nothing is written. POSIX awk.

function fail(message) {
    printf "%s:%d: %s\n", FILENAME, FNR, message | "cat 1>&2"
    close("cat 1>&2")
    failed = 1
    exit 1
}

# "(t, t, i)" without the parentheses → "tti"
function types(list,    n, i, part, all) {
    all = ""
    gsub(/[ \t]/, "", list)
    if (list == "")
        return ""
    n = split(list, part, ",")
    for (i = 1; i <= n; i++) {
        if (part[i] !~ /^[itb]$/)
            fail("a type is i, t or b, not \"" part[i] "\"")
        all = all part[i]
    }
    return all
}

function quoted(line) {
    gsub(/\\/, "&&", line) # in this form every awk agrees
    gsub(/"/, "\\\"", line)
    return "\"" line "\\n\""
}

function end_statement() {
    if (statement != "" && text[statement] == "")
        fail("above: the statement " statement " has no text")
    statement = ""
}

BEGIN {
    if (out != "h" && out != "c")
        fail("-v out=h or -v out=c is needed")
}

FNR == 1 {
    end_statement()
    step = 0
    if (FILENAME ~ /schema\/[0-9]+\.sql$/) {
        number = FILENAME
        sub(/^.*\//, "", number)
        step = number + 0
        if (step != ++steps)
            fail("schema steps are numbered without a gap; expected " steps)
    }
}

step { step_text[step] = step_text[step] "\n        " quoted($0); next }

/^--.*->/ || /^-- *[A-Za-z0-9_]+ *\([itb, ]*\)/ {
    end_statement()
    if ($0 !~ /^-- [a-z][a-z0-9_]* \([itb, ]*\) -> \([itb, ]*\)$/)
        fail("a header is `-- name (types) -> (types)`")
    statement = $2
    if (statement in known)
        fail("the statement " statement " stands twice")
    known[statement] = 1
    order[++count] = statement
    first = $0
    sub(/^[^(]*\(/, "", first)
    second = first
    sub(/\).*$/, "", first)
    sub(/^[^(]*\(/, "", second)
    sub(/\)$/, "", second)
    params[statement] = types(first)
    columns[statement] = types(second)
    next
}

/^--/ || /^[ \t]*$/ { next }

{
    if (statement == "")
        fail("text outside of a statement")
    text[statement] = text[statement] "\n      " quoted($0)
}

END {
    if (failed)
        exit 1
    end_statement()
    print "/* Made from db/sql/ by db/sql.awk. */"
    if (out == "h") {
        print "#ifndef CRADLE_SQL_H\n#define CRADLE_SQL_H\n\nenum db_statement {"
        for (i = 1; i <= count; i++)
            print "    SQL_" toupper(order[i]) ","
        print "    SQL_COUNT\n};\n"
        print "struct sql_statement {\n    const char *name, *params, *columns, *text;\n};"
        print "extern const struct sql_statement sql_statements[SQL_COUNT + 1];\n"
        print "/* Schema step n (from 1) is sql_steps[n - 1]. */"
        print "#define SQL_STEPS " steps + 0
        print "extern const char *const sql_steps[SQL_STEPS + 1];\n\n#endif"
    } else {
        print "#include \"db/sql.h\"\n\n#include <stddef.h>\n\nconst struct sql_statement sql_statements[SQL_COUNT + 1] = {"
        for (i = 1; i <= count; i++)
            print "    { \"" order[i] "\", \"" params[order[i]] "\", \"" columns[order[i]] "\"," text[order[i]] " },"
        print "    { NULL, NULL, NULL, NULL }\n};\n\nconst char *const sql_steps[SQL_STEPS + 1] = {"
        for (i = 1; i <= steps; i++)
            print "    " step_text[i] ","
        print "    NULL\n};"
    }
}
