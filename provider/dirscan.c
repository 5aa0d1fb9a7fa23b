#include "provider/dirscan.h"

/** Members that dirscan_each() reads at a time. */
#define BATCH_SIZE 64

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <http_core.h>

struct dirscan_t {
    dirscan_t *parent;
    dirscan_links_e links;
    const char *path; /* full, to take the descriptor again */
    DIR *dir;         /* NULL while suspended or closed */
    int level;
    long at; /* telldir()'s answer while suspended */
    dev_t device;
    ino_t inode;
    int open; /* not closed yet */
    int has_temporaries;
    apr_pool_t *pool;
};

apr_status_t dirscan_open_path(int *fd_p, const char *path, int flags, const filestat_t *linked)
{
    struct stat st;

    *fd_p = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
    if (*fd_p >= 0 && !((flags & O_PATH) && fstat(*fd_p, &st) == 0 && S_ISLNK(st.st_mode)))
        return APR_SUCCESS;
    /* That opens the link itself. */
    if (*fd_p >= 0) {
        close(*fd_p);
        errno = ELOOP;
    }
    /* A link is ENOTDIR where a directory is wanted. */
    if (errno == ENOTDIR && (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode)))
        return ENOTDIR;
    if (errno != ENOTDIR && errno != ELOOP)
        return errno;
    if (linked == NULL)
        return ELOOP;
    *fd_p = open(path, flags | O_CLOEXEC);
    if (*fd_p < 0)
        return errno;
    if (fstat(*fd_p, &st) == 0 && st.st_dev == linked->device && st.st_ino == linked->inode)
        return APR_SUCCESS;
    close(*fd_p);
    *fd_p = -1;
    return ELOOP;
}

/** Make FD SCAN's directory, and note which it is; closes it if that fails. */
static apr_status_t take_dir(dirscan_t *scan, int fd)
{
    struct stat st;

    if (fd < 0)
        return errno;
    if (fstat(fd, &st) != 0 || (scan->dir = fdopendir(fd)) == NULL) {
        apr_status_t status = errno;

        close(fd);
        return status;
    }
    scan->device = st.st_dev;
    scan->inode = st.st_ino;
    return APR_SUCCESS;
}

/** Give the descriptor back for a while. */
static void suspend(dirscan_t *scan)
{
    if (scan->dir == NULL)
        return;
    scan->at = telldir(scan->dir);
    closedir(scan->dir);
    scan->dir = NULL;
}

/**
 * Take the descriptor again.
 * @param at_fd,name where the directory was
 * @return APR_SUCCESS; ESTALE if another directory is in its place now; the system's error
 */
static apr_status_t resume_at(dirscan_t *scan, int at_fd, const char *name)
{
    dev_t device = scan->device;
    ino_t inode = scan->inode;
    apr_status_t status = take_dir(scan, openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

    if (status != APR_SUCCESS)
        return status;
    if (scan->device != device || scan->inode != inode) {
        closedir(scan->dir);
        scan->dir = NULL;
        scan->device = device;
        scan->inode = inode;
        return ESTALE;
    }
    seekdir(scan->dir, scan->at);
    return APR_SUCCESS;
}

static apr_status_t resume(dirscan_t *scan)
{
    if (scan->dir != NULL)
        return APR_SUCCESS;
    return scan->open ? resume_at(scan, AT_FDCWD, scan->path) : EBADF;
}

static apr_status_t close_at_cleanup(void *baton)
{
    dirscan_t *scan = baton, *parent = scan->parent;

    /* From here, for its path may be longer than the system takes; if not, resume() tries that. */
    if (parent != NULL && parent->open && parent->dir == NULL && scan->dir != NULL)
        (void)resume_at(parent, dirfd(scan->dir), "..");
    if (scan->dir != NULL)
        closedir(scan->dir);
    scan->dir = NULL;
    scan->open = 0;
    return APR_SUCCESS;
}

void dirscan_close(dirscan_t *scan)
{
    apr_pool_cleanup_run(scan->pool, scan, close_at_cleanup);
}

static dirscan_t *make_scan(dirscan_t *parent, const char *path, dirscan_links_e links,
                            apr_pool_t *result_pool)
{
    dirscan_t *scan = apr_pcalloc(result_pool, sizeof(*scan));

    scan->parent = parent;
    scan->level = parent != NULL ? parent->level + 1 : 0;
    scan->path = path;
    scan->links = links;
    scan->pool = result_pool;
    return scan;
}

static void opened(dirscan_t *scan)
{
    scan->open = 1;
    apr_pool_cleanup_register(scan->pool, scan, close_at_cleanup, apr_pool_cleanup_null);
}

apr_status_t dirscan_open_top(dirscan_t **scan_p, const char *path, const filestat_t *linked,
                              dirscan_links_e links, apr_pool_t *result_pool)
{
    dirscan_t *scan = make_scan(NULL, apr_pstrdup(result_pool, path), links, result_pool);
    int fd;
    apr_status_t status = dirscan_open_path(&fd, path, O_RDONLY | O_DIRECTORY, linked);

    if (status == APR_SUCCESS)
        status = take_dir(scan, fd);
    if (status != APR_SUCCESS)
        return status;
    opened(scan);
    *scan_p = scan;
    return APR_SUCCESS;
}

apr_status_t dirscan_open(dirscan_t **scan_p, dirscan_t *parent, const char *name,
                          dirscan_links_e links, apr_pool_t *result_pool)
{
    const char *path = apr_pstrcat(result_pool, parent->path, "/", name, NULL);
    dirscan_t *scan = make_scan(parent, path, links, result_pool);
    apr_status_t status = resume(parent);

    if (status == APR_SUCCESS)
        status = take_dir(scan, openat(dirfd(parent->dir), name,
                                       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (status != APR_SUCCESS)
        return status;
    if (scan->level >= DIRSCAN_OPEN_MAX)
        suspend(parent);
    opened(scan);
    *scan_p = scan;
    return APR_SUCCESS;
}

apr_status_t dirscan_each(dirscan_t *scan, int want_stat, dirscan_each_fn *each, void *baton,
                          apr_pool_t *scratch_pool)
{
    /* Not on the stack, which a deep tree fills anyway. */
    dirscan_entry_t *entries = apr_palloc(scratch_pool, BATCH_SIZE * sizeof(*entries));
    apr_pool_t *batch_pool, *iterpool;
    apr_status_t status;
    int count;

    apr_pool_create(&batch_pool, scratch_pool);
    apr_pool_create(&iterpool, scratch_pool);
    do {
        apr_pool_clear(batch_pool);
        status = dirscan_read(scan, entries, BATCH_SIZE, &count, want_stat, batch_pool);
        for (int i = 0; i < count && status == APR_SUCCESS; i++) {
            apr_pool_clear(iterpool);
            status = each(baton, scan, &entries[i], iterpool);
        }
    } while (status == APR_SUCCESS && count > 0);
    apr_pool_destroy(iterpool);
    apr_pool_destroy(batch_pool);
    return status;
}

int dirscan_fd(dirscan_t *scan)
{
    return resume(scan) == APR_SUCCESS ? dirfd(scan->dir) : -1;
}

static dirscan_kind_e kind_of_mode(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return DIRSCAN_FILE;
    case S_IFDIR:
        return DIRSCAN_COLLECTION;
    case S_IFLNK:
        return DIRSCAN_LINK;
    default:
        return DIRSCAN_OTHER;
    }
}

static dirscan_kind_e kind_of_type(unsigned char type)
{
    return kind_of_mode((mode_t)DTTOIF(type));
}

/**
 * Look a symbolic link's target up, as the policy has it.
 * @param link the link's own state
 * @return APR_SUCCESS; ENOENT if the link is to be hidden
 */
static apr_status_t follow_link(dirscan_entry_t *entry, const dirscan_t *scan,
                                const filestat_t *link)
{
    apr_status_t status;

    if (scan->links == DIRSCAN_LINKS_HIDE)
        return ENOENT;
    status = filestat_read(&entry->st, dirfd(scan->dir), entry->name, FILESTAT_TARGET);
    /* A link that leads nowhere, in a circle, or where we may not go is not there. */
    if (status != APR_SUCCESS)
        return ENOENT;
    if (scan->links == DIRSCAN_LINKS_OWNER && entry->st.uid != link->uid)
        return ENOENT;
    entry->is_link = 1;
    entry->kind = kind_of_mode(entry->st.mode);
    return APR_SUCCESS;
}

/** See what ENTRY is.  @return non-zero if it is a member */
static int look_at(dirscan_entry_t *entry, const dirscan_t *scan, int want_stat)
{
    int raw = scan->links == DIRSCAN_LINKS_RAW;
    filestat_t link;

    entry->is_link = 0;
    entry->status = APR_SUCCESS;
    entry->kind = kind_of_type(entry->type);
    if (entry->type == DT_UNKNOWN || want_stat || (entry->kind == DIRSCAN_LINK && !raw)) {
        entry->status = filestat_read(&entry->st, dirfd(scan->dir), entry->name, FILESTAT_LINK);
        if (entry->status == APR_SUCCESS) {
            entry->kind = kind_of_mode(entry->st.mode);
            if (entry->kind == DIRSCAN_LINK && !raw) {
                link = entry->st;
                entry->status = follow_link(entry, scan, &link);
            }
        } else if (entry->type == DT_UNKNOWN) {
            entry->kind = DIRSCAN_FILE;
        }
    }
    if (entry->status == ENOENT)
        return 0;
    return raw || entry->kind == DIRSCAN_FILE || entry->kind == DIRSCAN_COLLECTION;
}

apr_status_t dirscan_names(dirscan_t *scan, dirscan_entry_t *entries, int max, int *count_p,
                           apr_pool_t *result_pool)
{
    apr_status_t status = resume(scan);

    *count_p = 0;
    while (status == APR_SUCCESS && *count_p < max) {
        const struct dirent *found;

        errno = 0;
        found = readdir(scan->dir);
        if (found == NULL) {
            status = errno;
            break;
        }
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        if (scan->links != DIRSCAN_LINKS_RAW && dirscan_name_is_private(found->d_name)) {
            scan->has_temporaries |=
                strncmp(found->d_name, DIRSCAN_TEMP_PREFIX, strlen(DIRSCAN_TEMP_PREFIX)) == 0;
            continue;
        }
        entries[*count_p].name = apr_pstrdup(result_pool, found->d_name);
        entries[*count_p].type = found->d_type;
        ++*count_p;
    }
    return status;
}

int dirscan_look(const dirscan_t *scan, dirscan_entry_t *entries, int count, int want_stat)
{
    int members = 0;

    for (int i = 0; i < count; i++) {
        if (!look_at(&entries[i], scan, want_stat))
            continue;
        if (members != i)
            entries[members] = entries[i];
        members++;
    }
    return members;
}

apr_status_t dirscan_read(dirscan_t *scan, dirscan_entry_t *entries, int max, int *count_p,
                          int want_stat, apr_pool_t *result_pool)
{
    apr_status_t status;
    int names;

    /* A batch of which nothing is a member is not the end. */
    do {
        status = dirscan_names(scan, entries, max, &names, result_pool);
        *count_p = status == APR_SUCCESS ? dirscan_look(scan, entries, names, want_stat) : 0;
    } while (status == APR_SUCCESS && *count_p == 0 && names > 0);
    return status;
}

int dirscan_has_temporaries(const dirscan_t *scan)
{
    return scan->has_temporaries;
}

dirscan_links_e dirscan_links_for(int options)
{
    /* Where both are in force httpd follows an owner's only. */
    if (options & OPT_SYM_OWNER)
        return DIRSCAN_LINKS_OWNER;
    return options & OPT_SYM_LINKS ? DIRSCAN_LINKS_FOLLOW : DIRSCAN_LINKS_HIDE;
}

/** Whether a segment of LENGTH bytes at NAME is private. */
static int is_private(const char *name, apr_size_t length)
{
    static const char prefix[] = DIRSCAN_TEMP_PREFIX, state[] = ".DAV";

    if (length >= sizeof(prefix) - 1 && memcmp(name, prefix, sizeof(prefix) - 1) == 0)
        return 1;
    return length == sizeof(state) - 1 && memcmp(name, state, length) == 0;
}

int dirscan_name_is_private(const char *name)
{
    return name[0] == '.' && is_private(name, strlen(name));
}

int dirscan_path_is_private(const char *path)
{
    while (*path != '\0') {
        apr_size_t length = strcspn(path, "/");

        if (is_private(path, length))
            return 1;
        path += length;
        path += strspn(path, "/");
    }
    return 0;
}
