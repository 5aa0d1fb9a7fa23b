#include "provider/pinning.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include "provider/dirscan.h"
#include "provider/resource.h"
#include "provider/tempfile.h"

/** Under which the request's pool has what it holds. */
#define POOL_KEY "mod_dav_depot: pins"

/** How a directory is opened only to go through it. */
#define OPEN_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)

/** Have httpd look at DIRECTORY as it does on the way to what is in there, for PROBE. */
static dirscan_links_e walk_to(request_rec *probe, const char *directory)
{
    probe->prev = probe->next = NULL;
    probe->request_config = ap_create_request_config(probe->pool);
    probe->per_dir_config = probe->server->lookup_defaults;
    probe->filename = apr_pstrcat(probe->pool, directory, directory[1] != '\0' ? "/" : "", NULL);
    probe->canonical_filename = probe->filename;
    probe->path_info = apr_pstrdup(probe->pool, "");
    memset(&probe->finfo, 0, sizeof(probe->finfo));
    if (ap_run_create_request(probe) != OK || ap_directory_walk(probe) != OK)
        return DIRSCAN_LINKS_HIDE;
    return dirscan_links_for(ap_allow_options(probe));
}

dirscan_links_e pinning_links_in(request_rec *r, const char *directory)
{
    apr_pool_t *pool;
    request_rec *probe;
    dirscan_links_e links;

    /* No sub-request: that is refused, and logged, where the user may not see DIRECTORY. */
    apr_pool_create(&pool, r->pool);
    apr_pool_tag(pool, "depot_pinning_probe");
    probe = apr_pmemdup(pool, r, sizeof(*r));
    probe->pool = pool;
    probe->main = r;
    links = walk_to(probe, directory);
    apr_pool_destroy(pool);
    return links;
}

/** Go through the symbolic link NAME in DIRECTORY, which is AT_FD, if httpd would. */
static apr_status_t follow(int *fd_p, request_rec *r, const char *directory, int at_fd,
                           const char *name, const struct stat *link)
{
    dirscan_links_e links = pinning_links_in(r, *directory != '\0' ? directory : "/");
    struct stat target;

    if (links == DIRSCAN_LINKS_HIDE)
        return ELOOP;
    *fd_p = openat(at_fd, name, OPEN_FLAGS);
    if (*fd_p < 0)
        return errno;
    if (links == DIRSCAN_LINKS_FOLLOW ||
        (fstat(*fd_p, &target) == 0 && target.st_uid == link->st_uid))
        return APR_SUCCESS;
    close(*fd_p);
    return ELOOP;
}

/** Open the member NAME of DIRECTORY, which is AT_FD. */
static apr_status_t enter(int *fd_p, request_rec *r, const char *directory, int at_fd,
                          const char *name)
{
    struct stat st;

    *fd_p = openat(at_fd, name, OPEN_FLAGS | O_NOFOLLOW);
    if (*fd_p >= 0)
        return APR_SUCCESS;
    /* A link is ENOTDIR, as is a file. */
    if (errno != ENOTDIR)
        return errno;
    if (fstatat(at_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    return S_ISLNK(st.st_mode) ? follow(fd_p, r, directory, at_fd, name, &st) : ENOTDIR;
}

/** Open REST below BASE, which is BASE_FD, component by component.  Closes BASE_FD. */
static apr_status_t walk(int *fd_p, request_rec *r, const char *base, int base_fd, const char *rest)
{
    const char *directory = strcmp(base, "/") == 0 ? "" : base;
    char *last, *copy = apr_pstrdup(r->pool, rest);
    apr_status_t status = APR_SUCCESS;
    int fd = base_fd, next;

    for (const char *name = apr_strtok(copy, "/", &last); name != NULL && status == APR_SUCCESS;
         name = apr_strtok(NULL, "/", &last)) {
        status = enter(&next, r, directory, fd, name);
        close(fd);
        fd = next;
        directory = apr_pstrcat(r->pool, directory, "/", name, NULL);
    }
    *fd_p = fd;
    return status;
}

/** Open REST below BASE_FD in one step, with no symbolic link on the way.  @return it, or -1 */
static int open_below(int base_fd, const char *rest)
{
    const struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_NO_SYMLINKS};

    return (int)syscall(SYS_openat2, base_fd, rest, &how, sizeof(how));
}

/** The directory above DIRECTORY, or itself, that the configuration names: its way is trusted. */
static const char *base_of(request_rec *r, const char *directory)
{
    const char *base = ap_context_document_root(r);
    size_t length = base != NULL ? strlen(base) : 0;

    while (length > 0 && base[length - 1] == '/')
        length--;
    return length > 0 && strncmp(base, directory, length) == 0 &&
                   (directory[length] == '/' || directory[length] == '\0')
               ? apr_pstrmemdup(r->pool, base, length)
               : "/";
}

/** Open DIRECTORY, following the links that httpd would. */
static apr_status_t open_directory(int *fd_p, request_rec *r, const char *directory)
{
    const char *base = base_of(r, directory);
    const char *rest = directory + strlen(base);
    int base_fd = open(base, OPEN_FLAGS);

    rest += strspn(rest, "/");
    if (base_fd < 0)
        return errno;
    if (*rest == '\0') {
        *fd_p = base_fd;
        return APR_SUCCESS;
    }
    *fd_p = open_below(base_fd, rest);
    /* A link, that may be to be followed; or a kernel, or a sandbox, that does not have this. */
    if (*fd_p < 0 && (errno == ELOOP || errno == ENOSYS || errno == EPERM))
        return walk(fd_p, r, base, base_fd, rest);
    close(base_fd);
    return *fd_p >= 0 ? APR_SUCCESS : errno;
}

/** What the request that R is a part of holds. */
static pins_t *pins_of(request_rec *r)
{
    void *found = NULL;
    pins_t *pins;

    while (r->main != NULL)
        r = r->main;
    apr_pool_userdata_get(&found, POOL_KEY, r->pool);
    if (found != NULL)
        return found;
    pins = pins_create(r->pool);
    apr_pool_userdata_setn(pins, POOL_KEY, NULL, r->pool);
    return pins;
}

apr_status_t pinning_add(pins_t **pins_p, request_rec *r, const char *path)
{
    apr_status_t status;
    pins_t *pins;
    int fd = -1;

    *pins_p = NULL;
    if (dirscan_links_for(ap_allow_options(r)) == DIRSCAN_LINKS_FOLLOW ||
        !tempfile_has_descriptors())
        return APR_SUCCESS;
    *pins_p = pins = pins_of(r);
    /* The drive's top is where the configuration says. */
    if (strcmp(base_of(r, path), path) == 0 || pins_has(pins, path))
        return APR_SUCCESS;
    status = open_directory(&fd, r, resource_parent_path(path, r->pool));
    if (status == APR_SUCCESS)
        pins_hold(pins, path, fd);
    else if (status == ENOENT || status == ENOTDIR)
        pins_hold(pins, path, -1);
    return status;
}
