#include "provider/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "provider/dirscan.h"

/** Tries at a name nobody uses. */
#define NAME_TRIES 16
/** Longest list of extended attributes, and longest value, that is carried over. */
#define XATTR_MAX (64 * 1024)
/** The extended attribute that is a file's ACL. */
#define ACL_NAME "system.posix_acl_access"

struct tempfile_t {
    const char *path;      /* where it is to be */
    const char *directory; /* that PATH is in */
    const char *name;      /* its private name there, or NULL while it is nameless */
    int directory_fd;      /* the directory that has NAME, or -1 while it is nameless */
    int fd;
    apr_pool_t *pool;
};

static apr_status_t discard(void *baton)
{
    tempfile_t *temp = baton;

    if (temp->fd >= 0)
        close(temp->fd);
    temp->fd = -1;
    if (temp->name != NULL)
        unlinkat(temp->directory_fd, temp->name, 0);
    temp->name = NULL;
    if (temp->directory_fd >= 0)
        close(temp->directory_fd);
    temp->directory_fd = -1;
    return APR_SUCCESS;
}

/** Hold the directory that is to have a private name: it may be moved before that is removed. */
static apr_status_t hold_directory(tempfile_t *temp)
{
    if (temp->directory_fd < 0)
        temp->directory_fd = open(temp->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return temp->directory_fd >= 0 ? APR_SUCCESS : errno;
}

apr_status_t tempfile_name(const char **path_p, const char *directory, apr_pool_t *result_pool)
{
    apr_uint64_t random;
    process_t self;
    apr_status_t status = apr_generate_random_bytes((unsigned char *)&random, sizeof(random));

    if (status == APR_SUCCESS)
        status = process_self(&self);
    if (status == APR_SUCCESS)
        *path_p = apr_psprintf(result_pool,
                               "%s/" DIRSCAN_TEMP_PREFIX "%" APR_UINT64_T_HEX_FMT
                               ".%x.%" APR_UINT64_T_HEX_FMT ".%" APR_UINT64_T_HEX_FMT,
                               directory, random, self.pid, self.start, self.boot);
    return status;
}

/** Read a hexadecimal number that ends with END.  @return where the next begins, or NULL */
static const char *read_hex(apr_uint64_t *n_p, const char *text, char end)
{
    char *stop;

    if (text == NULL || !apr_isxdigit(*text))
        return NULL;
    *n_p = strtoull(text, &stop, 16);
    return *stop == end ? stop + 1 : NULL;
}

int tempfile_owner(process_t *owner, const char *name)
{
    apr_uint64_t random, pid = 0;
    const char *at;

    if (strncmp(name, DIRSCAN_TEMP_PREFIX, strlen(DIRSCAN_TEMP_PREFIX)) != 0)
        return 0;
    at = read_hex(&random, name + strlen(DIRSCAN_TEMP_PREFIX), '.');
    at = read_hex(&pid, at, '.');
    at = read_hex(&owner->start, at, '.');
    at = read_hex(&owner->boot, at, '\0');
    owner->pid = (apr_uint32_t)pid;
    return at != NULL && pid == owner->pid;
}

int tempfile_has_descriptors(void)
{
    return access(TEMPFILE_DESCRIPTORS, X_OK) == 0;
}

/** Create it without a name.  @return APR_SUCCESS; EOPNOTSUPP and others; the system's error */
static apr_status_t create_nameless(tempfile_t *temp)
{
    /* Without /proc, as in a chroot, it could not be given one later. */
    if (!tempfile_has_descriptors())
        return EOPNOTSUPP;
    temp->fd = open(temp->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    return temp->fd >= 0 ? APR_SUCCESS : errno;
}

/** Make TEMP's file known as NAME in the held directory.  @return EEXIST if that is taken */
typedef apr_status_t name_fn(tempfile_t *temp, const char *name);

/** Give TEMP a private name that nobody uses. */
static apr_status_t take_name(tempfile_t *temp, name_fn *give)
{
    apr_status_t status = hold_directory(temp);
    const char *path;
    int tries = 0;

    if (status != APR_SUCCESS)
        return status;
    do {
        status = tempfile_name(&path, "", temp->pool);
        if (status == APR_SUCCESS)
            status = give(temp, path + 1);
    } while (status == EEXIST && ++tries < NAME_TRIES);
    if (status == APR_SUCCESS)
        temp->name = path + 1;
    return status;
}

/** name_fn: create it, where the file system knows no nameless files. */
static apr_status_t create_named(tempfile_t *temp, const char *name)
{
    temp->fd = openat(temp->directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return temp->fd >= 0 ? APR_SUCCESS : errno;
}

apr_status_t tempfile_create(tempfile_t **temp_p, const char *path, apr_pool_t *result_pool)
{
    tempfile_t *temp = apr_pcalloc(result_pool, sizeof(*temp));
    const char *slash = strrchr(path, '/');
    apr_status_t status;

    temp->pool = result_pool;
    temp->fd = temp->directory_fd = -1;
    temp->path = apr_pstrdup(result_pool, path);
    temp->directory =
        slash == path ? "/" : apr_pstrmemdup(result_pool, path, (apr_size_t)(slash - path));
    status = create_nameless(temp);
    /* Without O_TMPFILE, old kernels and file systems try to open the directory itself. */
    if (status == EOPNOTSUPP || status == EISDIR || status == EINVAL)
        status = take_name(temp, create_named);
    if (status != APR_SUCCESS) {
        discard(temp);
        return status;
    }
    apr_pool_cleanup_register(result_pool, temp, discard, apr_pool_cleanup_null);
    *temp_p = temp;
    return APR_SUCCESS;
}

int tempfile_fd(const tempfile_t *temp)
{
    return temp->fd;
}

/** Whether the extended attribute NAME belongs to the content's owner rather than the system. */
static int is_carried(const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strcmp(name, ACL_NAME) == 0;
}

/** Carry extended attributes over, as far as both file systems take them. */
static void inherit_xattrs(int to_fd, const char *from_path, apr_pool_t *scratch_pool)
{
    ssize_t length = llistxattr(from_path, NULL, 0);
    char *names, *value;

    if (length <= 0 || length > XATTR_MAX)
        return;
    names = apr_palloc(scratch_pool, (apr_size_t)length);
    value = apr_palloc(scratch_pool, XATTR_MAX);
    length = llistxattr(from_path, names, (size_t)length);
    for (const char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
        ssize_t size;

        if (!is_carried(name))
            continue;
        size = lgetxattr(from_path, name, value, XATTR_MAX);
        /* One that cannot be set is no reason to refuse new content. */
        if (size >= 0)
            (void)!fsetxattr(to_fd, name, value, (size_t)size, 0);
    }
}

apr_status_t tempfile_inherit(tempfile_t *temp, const char *from_path)
{
    struct stat from, own;

    if (lstat(from_path, &from) != 0 || fstat(temp->fd, &own) != 0)
        return errno;
    if (S_ISLNK(from.st_mode))
        return ENOENT;
    /* Mostly all is as it should be, and to set it again would be written to the disk. */
    if ((from.st_uid != own.st_uid || from.st_gid != own.st_gid) &&
        fchown(temp->fd, from.st_uid, from.st_gid) != 0)
        /* Only root may give files away; a group is given as far as we are in it. */
        (void)!fchown(temp->fd, (uid_t)-1, from.st_gid);
    /* The directory's default ACL is for new files; the old one need not have one. */
    if (fgetxattr(temp->fd, ACL_NAME, NULL, 0) >= 0)
        (void)!fremovexattr(temp->fd, ACL_NAME);
    if (((from.st_mode ^ own.st_mode) & 0777) != 0 && fchmod(temp->fd, from.st_mode & 0777) != 0)
        return errno;
    inherit_xattrs(temp->fd, from_path, temp->pool);
    return APR_SUCCESS;
}

/** Link the nameless file as NAME, from AT_FD.  @return APR_SUCCESS; EEXIST; the system's error */
static apr_status_t give_name(const tempfile_t *temp, int at_fd, const char *name)
{
    char self[64];

    snprintf(self, sizeof(self), TEMPFILE_DESCRIPTORS "/%d", temp->fd);
    return linkat(AT_FDCWD, self, at_fd, name, AT_SYMLINK_FOLLOW) == 0 ? APR_SUCCESS : errno;
}

/** name_fn: link it. */
static apr_status_t link_named(tempfile_t *temp, const char *name)
{
    return give_name(temp, temp->directory_fd, name);
}

apr_status_t tempfile_make_named(tempfile_t *temp)
{
    return temp->name != NULL ? APR_SUCCESS : take_name(temp, link_named);
}

apr_status_t tempfile_sync_open(int fd)
{
    /* Some file systems cannot sync a directory, and need not.  Not so EROFS: ext4 answers that
       when it has given up after an error, with what was written since it last could. */
    return fsync(fd) == 0 || errno == EINVAL ? APR_SUCCESS : errno;
}

apr_status_t tempfile_sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    apr_status_t status;

    if (fd < 0 && (errno == EACCES || errno == EMFILE || errno == ENFILE || errno == ENOENT ||
                   errno == ENOTDIR)) {
        /* One that may be written but not read, no descriptor, or one that was moved away or
           removed since it was changed: that leaves syncing everything. */
        sync();
        return APR_SUCCESS;
    }
    if (fd < 0)
        return errno;
    status = tempfile_sync_open(fd);
    close(fd);
    return status;
}

apr_status_t tempfile_begin_sync(int fd)
{
    if (sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) == 0 || errno == ENOSYS ||
        errno == EINVAL || errno == ESPIPE || errno == EPERM || errno == ENOMEM)
        return APR_SUCCESS;
    return errno;
}

apr_status_t tempfile_sync(const tempfile_t *temp)
{
    return fsync(temp->fd) == 0 ? APR_SUCCESS : errno;
}

apr_status_t tempfile_swap(tempfile_t *temp, int replace)
{
    apr_status_t status = EEXIST;

    /* Where nothing is there yet, one step does; it also tells if there is. */
    if (temp->name == NULL)
        status = give_name(temp, AT_FDCWD, temp->path);
    if (status == EEXIST && (replace || temp->name != NULL)) {
        status = tempfile_make_named(temp);
        if (status == APR_SUCCESS && renameat2(temp->directory_fd, temp->name, AT_FDCWD, temp->path,
                                               replace ? 0 : RENAME_NOREPLACE))
            status = errno;
        if (status == APR_SUCCESS)
            temp->name = NULL;
    }
    return status;
}

const char *tempfile_directory(const tempfile_t *temp)
{
    return temp->directory;
}

apr_status_t tempfile_place(tempfile_t *temp, int replace)
{
    apr_status_t status = tempfile_sync(temp);

    if (status == APR_SUCCESS)
        status = tempfile_swap(temp, replace);
    return status == APR_SUCCESS ? tempfile_sync_directory(temp->directory) : status;
}
