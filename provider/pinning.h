/*
 * pinning.h -- opening what a request holds (pins.h), by httpd's rules for symbolic links.
 */
#ifndef PROVIDER_PINNING_H
#define PROVIDER_PINNING_H

#include <httpd.h>

#include "provider/dirscan.h"
#include "provider/pins.h"

/**
 * Hold the directory that PATH is in, if Options for R want it.  From the document root, or an
 * Alias's, no symbolic link is gone through that is in a directory whose own Options do not let it
 * be followed.
 * @param pins_p set to what the request holds, in the pool of the one that R is a part of; NULL if
 *               links are followed here
 * @param path a resource's, without a slash at its end
 * @return APR_SUCCESS; ELOOP for a link that is not to be followed; ENOENT, ENOTDIR if the
 * directory is not there: pins_path() then leads nowhere; the system's error
 */
apr_status_t pinning_add(pins_t **pins_p, request_rec *r, const char *path);

/**
 * The policy for the symbolic links that are in DIRECTORY: not that of what is below a link, but
 * the one httpd goes by.  Whether the user may see DIRECTORY is not asked.
 */
dirscan_links_e pinning_links_in(request_rec *r, const char *directory);

#endif /* PROVIDER_PINNING_H */
