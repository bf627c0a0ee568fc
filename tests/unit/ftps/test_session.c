/* SPDX-License-Identifier: Apache-2.0 */
/* The matrix of legal moves of a control connection. */
#include "base/mem.h"
#include "ftps/session.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Row: from, in the order of the states; a letter where the move is legal. */
static const char *const moves[SESSION_STATES] = {
    /*                      gnscrbB */
    [SESSION_GREETING] = ".n....B", [SESSION_NAME] = "..sc..B",  [SESSION_SECRET] = "..sc..B",
    [SESSION_CHECKING] = ".ns.r.B", [SESSION_READY] = "...c.bB", [SESSION_BUSY] = "....r.B",
    [SESSION_BYE] = ".......",
};

static void test_moves(void **state)
{
    (void)state;
    for (int from = 0; from < SESSION_STATES; from++) {
        assert_int_equal(strlen(moves[from]), SESSION_STATES);
        for (int to = 0; to < SESSION_STATES; to++)
            assert_int_equal(session_legal_move((enum session_state)from, (enum session_state)to),
                             moves[from][to] != '.');
    }
}

static void test_nobody_is_ready_without_a_check(void **state)
{
    (void)state;
    for (int from = 0; from < SESSION_STATES; from++)
        if (session_legal_move((enum session_state)from, SESSION_READY))
            assert_true(from == SESSION_CHECKING || from == SESSION_BUSY);
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < SESSION_STATES; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(session_state_name((enum session_state)i),
                                    session_state_name((enum session_state)j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_nobody_is_ready_without_a_check),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
