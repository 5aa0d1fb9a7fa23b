#include "t/unit/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

/** The user and group that everybody's files are closed to. */
#define NOBODY 65534

static void must(int condition, const char *what, const char *path)
{
    if (condition)
        return;
    printf("Bail out! could not %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

int files_unprivileged(void)
{
    static int registered;

    if (getuid() != 0)
        return 0;
    must(setegid(NOBODY) == 0 && seteuid(NOBODY) == 0, "become", "nobody");
    /* Or the leak checker, which comes last, could not look at us. */
    must(registered || atexit(files_privileged) == 0, "come back", "as root");
    registered = 1;
    return 1;
}

void files_privileged(void)
{
    must(seteuid(0) == 0 && setegid(0) == 0, "become", "root");
}

static apr_status_t remove_all(void *baton)
{
    const char *path = baton;
    char command[2 * PATH_MAX];

    /* These two manage paths that are longer than the system takes. */
    apr_snprintf(command, sizeof(command), "chmod -R u+rwX '%s'; rm -rf '%s'", path, path);
    must(system(command) == 0, "remove", path);
    return APR_SUCCESS;
}

const char *files_directory(apr_pool_t *result_pool)
{
    const char *above;
    char *path;

    must(apr_temp_dir_get(&above, result_pool) == APR_SUCCESS, "find", "a directory");
    path = apr_pstrcat(result_pool, above, "/depot-unit-XXXXXX", NULL);
    must(mkdtemp(path) != NULL, "make", path);
    apr_pool_cleanup_register(result_pool, path, remove_all, apr_pool_cleanup_null);
    return path;
}

const char *files_path(const char *directory, const char *name, apr_pool_t *result_pool)
{
    return apr_pstrcat(result_pool, directory, "/", name, NULL);
}

void files_write(const char *path, const char *content, unsigned mode)
{
    size_t length = strlen(content);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    must(fd >= 0 && write(fd, content, length) == (ssize_t)length, "write", path);
    must(fchmod(fd, mode) == 0, "chmod", path);
    close(fd);
}

const char *files_read(const char *path, apr_pool_t *result_pool)
{
    char *content = apr_palloc(result_pool, 4096);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (fd < 0)
        return NULL;
    length = read(fd, content, 4095);
    close(fd);
    content[length > 0 ? length : 0] = '\0';
    return content;
}

void files_mkdir(const char *path, unsigned mode)
{
    must(mkdir(path, 0700) == 0 && chmod(path, mode) == 0, "make", path);
}

/** The line for NAME, at PATH, and those for what is in it. */
static const char *describe(const char *path, const char *name, apr_pool_t *result_pool);

/** The lines for what is in PATH, each name after PREFIX. */
static const char *describe_members(const char *path, const char *prefix, apr_pool_t *result_pool)
{
    struct dirent **found;
    const char *text = "";
    int count = scandir(path, &found, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        const char *name = found[i]->d_name;

        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            text = apr_pstrcat(result_pool, text,
                               describe(files_path(path, name, result_pool),
                                        apr_pstrcat(result_pool, prefix, name, NULL), result_pool),
                               NULL);
        free(found[i]);
    }
    if (count >= 0)
        free(found);
    return text;
}

static const char *describe(const char *path, const char *name, apr_pool_t *result_pool)
{
    struct stat st;

    must(lstat(path, &st) == 0, "look at", path);
    if (S_ISREG(st.st_mode))
        return apr_psprintf(result_pool, "f %o %s=%s\n", st.st_mode & 07777, name,
                            files_read(path, result_pool));
    if (S_ISLNK(st.st_mode)) {
        char *target = apr_palloc(result_pool, PATH_MAX);
        ssize_t length = readlink(path, target, PATH_MAX - 1);

        target[length > 0 ? length : 0] = '\0';
        return apr_psprintf(result_pool, "l %s->%s\n", name, target);
    }
    if (!S_ISDIR(st.st_mode))
        return apr_psprintf(result_pool, "o %s\n", name);
    return apr_psprintf(
        result_pool, "d %o %s/\n%s", st.st_mode & 07777, name,
        describe_members(path, apr_pstrcat(result_pool, name, "/", NULL), result_pool));
}

const char *files_list(const char *path, apr_pool_t *result_pool)
{
    return describe_members(path, "", result_pool);
}

void files_deep(const char *path, const char *name, int levels)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    must(fd >= 0, "open", path);
    for (int i = 0; i < levels; i++) {
        int file, inner;

        must(mkdirat(fd, name, 0755) == 0, "make", name);
        inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        file = openat(inner, "z", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        must(inner >= 0 && file >= 0, "fill", name);
        close(file);
        close(fd);
        fd = inner;
    }
    close(fd);
}

void files_limit_descriptors(unsigned count)
{
    struct rlimit limit;

    must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "read", "the limit");
    limit.rlim_cur = count;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "set", "the limit");
}
