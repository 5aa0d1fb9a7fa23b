#include "propstore/ctl/davfs_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

/** The directory of the databases. */
#define STATE_DIR ".DAV"
/** The name of the collection's own. */
#define OWN_NAME ".state_for_dir"
/** A list beside them, of resources that are locked and not there. */
#define LOCKNULL_LIST ".locknull"
/** How the name of a Berkeley database begins that is just being made. */
#define DB_UNFINISHED "__db."

/** A walk. */
typedef struct walk_t {
    const davfs_tree_hooks_t *hooks;
    int top; /**< open */
} walk_t;

static void report(const walk_t *walk, const char *path, apr_status_t status, const char *why)
{
    walk->hooks->problem(walk->hooks->baton, path, status, why);
}

static const char *join(const char *path, const char *name, apr_pool_t *result_pool)
{
    return apr_pstrcat(result_pool, strcmp(path, "/") == 0 ? "" : path, "/", name, NULL);
}

/* ---- directories ---- */

/** Open the directory NAME in DIRECTORY, no link. */
static int open_directory(int directory, const char *name)
{
    return openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/**
 * Open BELOW, a relative path or "", step by step from the top.
 * @return a descriptor, or -1 with errno
 */
static int open_below(const walk_t *walk, const char *below, apr_pool_t *scratch_pool)
{
    char *last, *copy = apr_pstrdup(scratch_pool, below);
    int directory = open_directory(walk->top, ".");

    for (char *step = apr_strtok(copy, "/", &last); step != NULL && directory >= 0;
         step = apr_strtok(NULL, "/", &last)) {
        int next = open_directory(directory, step);
        int error = errno;

        close(directory);
        directory = next;
        errno = error;
    }
    return directory;
}

/**
 * The names in the open DIRECTORY but for "." and "..".
 * @param names const char * is pushed to it, with copies in its pool
 */
static apr_status_t list(apr_array_header_t *names, int directory)
{
    /* readdir(3) moves the position of the descriptor it is given, and closes it. */
    int own = open_directory(directory, ".");
    DIR *handle = own >= 0 ? fdopendir(own) : NULL;
    const struct dirent *entry;
    apr_status_t status;

    if (handle == NULL) {
        status = errno;
        if (own >= 0)
            close(own);
        return status;
    }
    errno = 0;
    while ((entry = readdir(handle)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(names->pool, entry->d_name);
    }
    status = errno;
    closedir(handle);
    return status;
}

/* ---- databases ---- */

/** NAME without END; NULL if it has another end. */
static const char *without_end(const char *name, const char *end, apr_pool_t *result_pool)
{
    apr_size_t length = strlen(name), end_length = strlen(end);

    if (length <= end_length || strcmp(name + length - end_length, end) != 0)
        return NULL;
    return apr_pstrmemdup(result_pool, name, length - end_length);
}

static int exists(int directory, const char *name)
{
    struct stat st;

    return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/** Whether the file NAME is none of the databases, in a COLLECTION with such members. */
static int is_other(int collection, const char *name)
{
    if (strcmp(name, LOCKNULL_LIST) == 0)
        return 1;
    return strncmp(name, DB_UNFINISHED, strlen(DB_UNFINISHED)) == 0 && !exists(collection, name);
}

/**
 * Find out which database the file NAME is, or is a part of.
 * @param found its name and kind are set; its name to NULL if NAME went away, or is that part
 *        of an sdbm that is not asked about
 */
static apr_status_t recognise(davfs_found_t *found, const char *name, const char **why_p,
                              apr_pool_t *result_pool)
{
    const char *base;
    apr_status_t status = davfs_kind_read(&found->kind, found->directory, name);

    found->name = NULL;
    *why_p = "could not be opened";
    if (status == APR_EGENERAL)
        *why_p = "is no regular file";
    /* What went away meanwhile is nobody's. */
    if (status != APR_SUCCESS)
        return status == ENOENT ? APR_SUCCESS : status;
    if (found->kind != DAVFS_UNKNOWN) {
        found->name = name;
        return APR_SUCCESS;
    }
    base = without_end(name, DAVFS_PAG, result_pool);
    if (base != NULL && exists(found->directory, apr_pstrcat(result_pool, base, DAVFS_DIR, NULL))) {
        found->name = base;
        found->kind = DAVFS_SDBM;
        return APR_SUCCESS;
    }
    base = without_end(name, DAVFS_DIR, result_pool);
    if (base != NULL && exists(found->directory, apr_pstrcat(result_pool, base, DAVFS_PAG, NULL)))
        return APR_SUCCESS;
    *why_p = "is no database of a kind that is known";
    return APR_EGENERAL;
}

/** Go over the databases of the collection at PATH. */
static apr_status_t visit_databases(const walk_t *walk, int collection, const char *path,
                                    apr_pool_t *scratch_pool)
{
    const char *state_path = join(path, STATE_DIR, scratch_pool), *why;
    apr_array_header_t *names = apr_array_make(scratch_pool, 64, sizeof(const char *));
    apr_pool_t *iterpool;
    davfs_found_t found = {.directory = open_directory(collection, STATE_DIR)};
    apr_status_t status = found.directory < 0 ? errno : list(names, found.directory);

    if (status != APR_SUCCESS)
        report(walk, state_path, status == ELOOP || status == ENOTDIR ? APR_SUCCESS : status,
               "is no folder that can be read");
    status = APR_SUCCESS;
    apr_pool_create(&iterpool, scratch_pool);
    for (int i = 0; i < names->nelts && status == APR_SUCCESS; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        apr_pool_clear(iterpool);
        if (is_other(collection, name))
            continue;
        status = recognise(&found, name, &why, iterpool);
        if (status != APR_SUCCESS) {
            report(walk, join(state_path, name, iterpool), status == APR_EGENERAL ? 0 : status,
                   why);
            status = APR_SUCCESS;
        } else if (found.name != NULL) {
            found.is_member = strcmp(found.name, OWN_NAME) != 0;
            found.path = found.is_member ? join(path, found.name, iterpool) : path;
            status = walk->hooks->found(walk->hooks->baton, &found, iterpool);
        }
    }
    apr_pool_destroy(iterpool);
    if (found.directory >= 0)
        close(found.directory);
    return status;
}

/* ---- collections ---- */

/** What NAME is, for the walk. */
typedef enum member_e { MEMBER_OTHER, MEMBER_COLLECTION, MEMBER_LINK } member_e;

static member_e member_kind(int collection, const char *name)
{
    struct stat st;

    if (fstatat(collection, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return MEMBER_OTHER;
    if (S_ISDIR(st.st_mode))
        return MEMBER_COLLECTION;
    if (S_ISLNK(st.st_mode) && fstatat(collection, name, &st, 0) == 0 && S_ISDIR(st.st_mode))
        return MEMBER_LINK;
    return MEMBER_OTHER;
}

/**
 * Sort the members of the collection at PATH.
 * @param below set to the names of those to go into
 * @param has_state_p whether there are databases
 */
static apr_status_t list_collections(apr_array_header_t *below, int *has_state_p,
                                     const walk_t *walk, int collection, const char *path,
                                     apr_pool_t *scratch_pool)
{
    apr_array_header_t *names = apr_array_make(scratch_pool, 64, sizeof(const char *));
    apr_status_t status = list(names, collection);

    *has_state_p = 0;
    for (int i = 0; i < names->nelts && status == APR_SUCCESS; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        member_e kind;

        if (strcmp(name, STATE_DIR) == 0) {
            *has_state_p = 1;
            continue;
        }
        kind = member_kind(collection, name);
        if (kind == MEMBER_COLLECTION)
            APR_ARRAY_PUSH(below, const char *) = apr_pstrdup(below->pool, name);
        else if (kind == MEMBER_LINK)
            report(walk, join(path, name, scratch_pool), APR_SUCCESS,
                   "is a link to a folder, and was not followed");
    }
    return status;
}

/** Walk the collection BELOW the top. */
static apr_status_t walk_collection(const walk_t *walk, const char *below, const char *path,
                                    apr_pool_t *parent_pool)
{
    apr_pool_t *pool, *scratch_pool;
    apr_array_header_t *members;
    int collection, has_state = 0;
    apr_status_t status;

    /* No server could serve it; and the depth of this walk is bounded. */
    if (strlen(path) >= PATH_MAX) {
        report(walk, path, ENAMETOOLONG, "was not looked into");
        return APR_SUCCESS;
    }
    apr_pool_create(&pool, parent_pool);
    apr_pool_create(&scratch_pool, pool);
    members = apr_array_make(pool, 8, sizeof(const char *));
    collection = open_below(walk, below, scratch_pool);
    status = collection < 0
                 ? errno
                 : list_collections(members, &has_state, walk, collection, path, scratch_pool);
    if (status != APR_SUCCESS)
        report(walk, path, status, "was not looked into");
    status = has_state ? visit_databases(walk, collection, path, scratch_pool) : APR_SUCCESS;
    if (collection >= 0)
        close(collection);
    for (int i = 0; i < members->nelts && status == APR_SUCCESS; i++) {
        const char *name = APR_ARRAY_IDX(members, i, const char *);

        apr_pool_clear(scratch_pool);
        status = walk_collection(walk, apr_pstrcat(scratch_pool, below, "/", name, NULL),
                                 join(path, name, scratch_pool), scratch_pool);
    }
    apr_pool_destroy(pool);
    return status;
}

apr_status_t davfs_tree_walk(const char *top, const davfs_tree_hooks_t *hooks,
                             apr_pool_t *scratch_pool)
{
    walk_t walk = {.hooks = hooks, .top = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    apr_status_t status;

    if (walk.top < 0)
        return errno;
    status = walk_collection(&walk, "", top, scratch_pool);
    close(walk.top);
    return status;
}
