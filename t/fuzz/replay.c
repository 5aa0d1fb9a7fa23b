/*
 * Feeds a target the files of its corpus, each once, and checks that it survives: a test
 * where there is no libFuzzer.  replay [FOLDER]; without it the folder of the program's name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "t/fuzz/fuzz.h"
#include "t/unit/tap.h"

/** Feed the target the file at PATH.  @return non-zero if that could be read */
static int feed(const char *path, apr_pool_t *scratch_pool)
{
    apr_finfo_t info;
    apr_file_t *file;
    apr_size_t length;
    uint8_t *data;

    if (apr_file_open(&file, path, APR_FOPEN_READ, 0, scratch_pool) != APR_SUCCESS ||
        apr_file_info_get(&info, APR_FINFO_SIZE, file) != APR_SUCCESS)
        return 0;
    /* A block of its own, whose ends are watched. */
    length = (apr_size_t)info.size;
    data = malloc(length > 0 ? length : 1);
    if (data == NULL || apr_file_read_full(file, data, length, &length) != APR_SUCCESS) {
        free(data);
        return length == 0;
    }
    LLVMFuzzerTestOneInput(data, length);
    free(data);
    return 1;
}

int main(int argc, char **argv)
{
    const char *srcdir = getenv("SRCDIR"), *folder;
    apr_pool_t *pool, *iterpool;
    apr_finfo_t entry;
    apr_dir_t *dir;
    int fed = 0;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&iterpool, pool);
    folder = argc > 1 ? argv[1]
                      : apr_pstrcat(pool, srcdir ? srcdir : ".", "/t/fuzz/corpus/",
                                    apr_filepath_name_get(argv[0]), NULL);
    if (!is_status(apr_dir_open(&dir, folder, pool), APR_SUCCESS, "the corpus can be opened"))
        return done_testing();
    while (apr_dir_read(&entry, APR_FINFO_NAME | APR_FINFO_TYPE, dir) == APR_SUCCESS) {
        apr_pool_clear(iterpool);
        if (entry.filetype != APR_REG)
            continue;
        /* Said before: a crash must not leave the name unsaid. */
        diag("%s", entry.name);
        fed += ok(feed(apr_pstrcat(iterpool, folder, "/", entry.name, NULL), iterpool), "%s",
                  entry.name);
    }
    apr_dir_close(dir);
    ok(fed > 0, "the target was fed");
    ok(fuzz_accepted() > 0, "some of it was well-formed: %u of %d", fuzz_accepted(), fed);
    return done_testing();
}
