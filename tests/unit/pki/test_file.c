/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/file.h"
#include "tests/unit/pki/place.h"

#include <dirent.h>

/* What is hidden in the folder: files that are being written. */
static int place_hidden(void)
{
    int hidden = 0;
    DIR *folder = opendir(place_folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        hidden +=
            entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return hidden;
}

static void test_write(void **state)
{
    (void)state;
    struct fault f;
    struct stat info;
    const char *file = place_file("a file");
    place_good(file_write(file, 0600, FILE_NEW, "one", 3, &f), &f);
    assert_int_equal(file_write(file, 0644, FILE_NEW, "two", 3, &f), FAULT_CONFLICT);
    AUTO_FREE char *first = place_read("a file");
    assert_string_equal(first, "one");
    place_good(file_write(file, 0644, FILE_REPLACE, "three", 5, &f), &f);
    AUTO_FREE char *second = place_read("a file");
    assert_string_equal(second, "three");
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644);
    assert_int_equal(info.st_nlink, 1);
    /* A neighbour is left alone, whatever it is called. */
    place_write("b.new", "somebody's");
    place_good(file_write(place_file("b"), 0600, FILE_NEW, "", 0, &f), &f);
    AUTO_FREE char *neighbour = place_read("b.new");
    assert_string_equal(neighbour, "somebody's");
    assert_int_equal(place_hidden(), 0);
    assert_int_equal(file_write(place_file("no/where"), 0600, FILE_NEW, "", 0, &f), FAULT_IO);
    /* The mode is what was asked for, whatever the umask. */
    mode_t old = umask(0777);
    place_good(file_write(place_file("c"), 0640, FILE_NEW, "", 0, &f), &f);
    umask(old);
    assert_int_equal(stat(place_file("c"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void test_links_are_not_followed(void **state)
{
    (void)state;
    struct fault f;
    place_write("target", "kept");
    assert_int_equal(symlink(place_file("target"), place_file("link")), 0);
    assert_int_equal(file_write(place_file("link"), 0600, FILE_NEW, "x", 1, &f), FAULT_CONFLICT);
    place_good(file_write(place_file("link"), 0600, FILE_REPLACE, "x", 1, &f), &f);
    AUTO_FREE char *text = place_read("target");
    assert_string_equal(text, "kept");
}

static void test_read(void **state)
{
    (void)state;
    struct buf text;
    struct fault f;
    buf_init(&text, 20000);
    assert_int_equal(file_read(place_file("absent"), &text, &f), FAULT_ABSENT);
    assert_int_equal(file_read(place_folder, &text, &f), FAULT_IO);
    char much[20001];
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    place_write("much", much);
    assert_int_equal(file_read(place_file("much"), &text, &f), FAULT_TOO_LARGE);
    buf_fini(&text);
}

static void test_paths(void **state)
{
    (void)state;
    char path[FILE_PATH] = "x", much[FILE_PATH + 1];
    memset(much, 'x', FILE_PATH);
    much[FILE_PATH] = '\0';
    assert_int_equal(file_path(path, NULL, "%s", much), FAULT_INPUT);
    assert_int_equal(file_path(path, NULL, "%s", much + 1), FAULT_OK);
    place_good(file_folder(place_file("f"), NULL), NULL);
    place_good(file_folder(place_file("f"), NULL), NULL);
    place_write("g", "");
    assert_int_equal(file_folder(place_file("g"), NULL), FAULT_IO);
    assert_int_equal(file_folder(place_file("h/i"), NULL), FAULT_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_links_are_not_followed),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests_name("file", tests, place_set_up, place_tear_down);
}
