/*
 * sections.h -- <Files> sections of httpd's configuration, applied to names without a request.
 */
#ifndef PROVIDER_SECTIONS_H
#define PROVIDER_SECTIONS_H

#include <http_core.h>

/**
 * Whether a section is for files called NAME, as ap_file_walk() decides it.
 * @param sections core_dir_config.sec_file
 * @param at which of them
 */
int sections_match_file(const apr_array_header_t *sections, int at, const char *name);

#endif /* PROVIDER_SECTIONS_H */
