/* Contents of files on a real folder: what is kept, what a crash leaves, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <dirent.h>

#include "base/log.h"
#include "store/blob/blobs.h"

struct fixture {
    char dir[64];
    struct blobs *blobs;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    log_setup(LOG_ERROR, LOG_LOGFMT, -1);
    strcpy(f->dir, "/tmp/muster-blobs-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(blobs_open(f->dir, &f->blobs), ERR_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[96];
    blobs_close(f->blobs);
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static int count(const struct fixture *f, const char *folder)
{
    char path[96];
    int found = 0;
    snprintf(path, sizeof path, "%s/%s", f->dir, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        found += strlen(entry->d_name) == UUID_TEXT_BYTES - 1;
    }
    closedir(dir);
    return found;
}

static struct blob_writer *write_text(struct fixture *f, const char *text)
{
    struct blob_writer *writer;
    assert_int_equal(blob_create(f->blobs, 0, &writer), ERR_OK);
    assert_int_equal(blob_write(writer, text, strlen(text)), ERR_OK);
    return writer;
}

static struct uuid keep(struct fixture *f, const char *text)
{
    struct blob_writer *writer = write_text(f, text);
    struct uuid id = blob_id(writer);
    assert_int_equal(blob_finish(writer), ERR_OK);
    blob_keep(writer);
    return id;
}

static void assert_content(struct fixture *f, const struct uuid *id, const char *text)
{
    struct blob_reader *reader;
    char found[64] = "";
    assert_int_equal(blob_open(f->blobs, id, strlen(text), &reader), ERR_OK);
    assert_int_equal(blob_read(reader, 0, found, strlen(text)), ERR_OK);
    assert_string_equal(found, text);
    blob_close(reader);
}

static void a_content_is_kept(void **state)
{
    struct fixture *f = *state;
    struct blob_writer *writer = write_text(f, "first ");
    struct uuid id = blob_id(writer);
    struct blob_reader *reader;
    uint8_t expected[SHA256_BYTES], hash[SHA256_BYTES];
    assert_int_equal(blob_write(writer, "second", 6), ERR_OK);
    assert_int_equal(blob_open(f->blobs, &id, 0, &reader), ERR_NOT_FOUND); /* not yet */
    assert_int_equal(blob_finish(writer), ERR_OK);
    assert_int_equal(blob_size(writer), 12);
    blob_sha256(writer, hash);
    sha256("first second", 12, expected);
    assert_memory_equal(hash, expected, sizeof hash);
    assert_int_equal(count(f, "files/incoming"), 1);
    blob_keep(writer);
    assert_int_equal(count(f, "files/incoming"), 0);
    assert_content(f, &id, "first second");
    assert_int_equal(blob_open(f->blobs, &id, 13, &reader), ERR_NOT_FOUND); /* shorter than its row says */
    assert_int_equal(blob_remove(f->blobs, &id), ERR_OK);
    assert_int_equal(blob_remove(f->blobs, &id), ERR_OK);
    assert_int_equal(count(f, "files"), 0);
}

static void an_abandoned_one_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    blob_abandon(write_text(f, "x"));
    struct blob_writer *writer = write_text(f, "y");
    assert_int_equal(blob_finish(writer), ERR_OK);
    blob_abandon(writer);
    blob_abandon(NULL);
    assert_int_equal(count(f, "files"), 0);
    assert_int_equal(count(f, "files/incoming"), 0);
}

struct known {
    struct uuid id;
};

static bool is_known(void *arg, const struct uuid *id)
{
    return uuid_eq(id, &((struct known *)arg)->id);
}

/* What is open when the process dies; here it is not told, only its names stay. */
static void a_crash_is_cleaned_up(void **state)
{
    struct fixture *f = *state;
    char from[128], to[128], name[UUID_TEXT_BYTES];
    struct uuid old = keep(f, "old");
    struct blob_writer *unfinished = write_text(f, "half");
    struct blob_writer *uncommitted = write_text(f, "whole");
    assert_int_equal(blob_finish(uncommitted), ERR_OK);
    struct known known = {keep(f, "committed")}; /* but not forgotten by incoming/ */
    uuid_format(&known.id, name);
    snprintf(from, sizeof from, "%s/files/%s", f->dir, name);
    snprintf(to, sizeof to, "%s/files/incoming/%s", f->dir, name);
    assert_int_equal(link(from, to), 0);
    assert_int_equal(count(f, "files/incoming"), 3);
    assert_int_equal(blobs_clean(f->blobs, is_known, &known), ERR_OK);
    assert_int_equal(count(f, "files/incoming"), 0);
    assert_int_equal(count(f, "files"), 2);
    assert_content(f, &old, "old");
    assert_content(f, &known.id, "committed");
    blob_abandon(unfinished);
    blob_abandon(uncommitted);
}

static void what_is_appended_replaces_what_was_never_committed(void **state)
{
    struct fixture *f = *state;
    struct uuid id = keep(f, "one");
    struct blob_writer *writer = write_text(f, " and some more");
    assert_int_equal(blob_append(writer, &id, 3), ERR_OK);
    blob_abandon(writer);
    assert_content(f, &id, "one and some more");
    writer = write_text(f, " two"); /* the row still says 3 */
    assert_int_equal(blob_append(writer, &id, 3), ERR_OK);
    blob_abandon(writer);
    assert_content(f, &id, "one two");
    struct blob_reader *reader;
    assert_int_equal(blob_open(f->blobs, &id, 8, &reader), ERR_NOT_FOUND);
    assert_int_equal(blob_remove(f->blobs, &id), ERR_OK);
    writer = write_text(f, "x");
    assert_int_equal(blob_append(writer, &id, 0), ERR_NOT_FOUND);
    blob_abandon(writer);
    assert_int_equal(count(f, "files/incoming"), 0);
}

static void the_reserve_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct blob_writer *writer;
    assert_int_equal(blob_create(f->blobs, UINT64_MAX, &writer), ERR_STORAGE);
    assert_int_equal(count(f, "files/incoming"), 0);
}

static void so_many_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct blob_writer *writers[300];
    int opened = 0;
    enum err err = ERR_OK;
    while (opened < 300 && (err = blob_create(f->blobs, 0, &writers[opened])) == ERR_OK) {
        opened++;
    }
    assert_int_equal(err, ERR_BUSY);
    assert_int_equal(opened, 256);
    for (int i = 0; i < opened; i++) {
        blob_abandon(writers[i]);
    }
    assert_int_equal(blob_create(f->blobs, 0, &writers[0]), ERR_OK);
    blob_abandon(writers[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_content_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(an_abandoned_one_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crash_is_cleaned_up, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_appended_replaces_what_was_never_committed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_reserve_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(so_many_at_a_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
