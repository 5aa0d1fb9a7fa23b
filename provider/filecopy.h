/*
 * filecopy.h -- writing files, and copying what is in one, in as few calls as can be.
 */
#ifndef PROVIDER_FILECOPY_H
#define PROVIDER_FILECOPY_H

#include <sys/stat.h>

#include <apr_errno.h>

/** What was found out on the way from file to file; begins as all zero. */
typedef struct filecopy_t {
    int cannot_share; /**< the files of DEVICE cannot share their blocks with their copies */
    dev_t device;
} filecopy_t;

/**
 * Copy all of one open file into another, sharing blocks where the file system can.
 * @param found for all copies that go to one file system
 * @param from FROM_FD's state; what the file has got since may be left out
 * @return APR_SUCCESS or the system's error
 */
apr_status_t filecopy_content(filecopy_t *found, int from_fd, const struct stat *from, int to_fd);

/** Write LENGTH bytes of DATA to FD, all of them.  @return APR_SUCCESS or the system's error */
apr_status_t filecopy_write(int fd, const void *data, size_t length);

#endif /* PROVIDER_FILECOPY_H */
