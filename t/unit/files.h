/*
 * files.h -- directories of files for tests, and words for what is in them.
 */
#ifndef T_UNIT_FILES_H
#define T_UNIT_FILES_H

#include <apr_pools.h>

/**
 * Go on without root's powers, so that permissions mean something.
 * @return non-zero if there are powers to come back to
 */
int files_unprivileged(void);

/** Be root again for a while, where files_unprivileged() said that can be. */
void files_privileged(void);

/** A new directory, removed with RESULT_POOL and all that is in it; exits if it cannot be made. */
const char *files_directory(apr_pool_t *result_pool);

/** DIRECTORY/NAME. */
const char *files_path(const char *directory, const char *name, apr_pool_t *result_pool);

/** Write a file with permissions MODE. */
void files_write(const char *path, const char *content, unsigned mode);

/** A file's content, or NULL. */
const char *files_read(const char *path, apr_pool_t *result_pool);

/** Make a collection with permissions MODE. */
void files_mkdir(const char *path, unsigned mode);

/**
 * What is below PATH, one line each, by name: "d 755 name/", "f 644 name=content",
 * "l name->target", "o name" for anything else.
 */
const char *files_list(const char *path, apr_pool_t *result_pool);

/** Make LEVELS collections called NAME inside each other in PATH, each with a file "z". */
void files_deep(const char *path, const char *name, int levels);

/** Let the process have no more than COUNT descriptors. */
void files_limit_descriptors(unsigned count);

#endif /* T_UNIT_FILES_H */
