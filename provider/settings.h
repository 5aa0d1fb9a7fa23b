/*
 * settings.h -- what the provider needs to know of the configuration.
 *
 * mod_src/ owns the directives; it hands the provider a function that finds these
 * plain values for a request, so nothing here knows how they were configured.
 */
#ifndef PROVIDER_SETTINGS_H
#define PROVIDER_SETTINGS_H

#include <httpd.h>

#include "propstore/locks.h"
#include "propstore/nodes.h"
#include "propstore/store.h"

/** Bounds on an XML request body; see xmlbody.h. */
typedef struct depot_xml_limits_t {
    unsigned depth_max;      /**< elements inside each other */
    unsigned elements_max;   /**< elements in the document */
    unsigned namespaces_max; /**< namespace declarations in the document */
    unsigned props_max;      /**< properties that a PROPFIND or PROPPATCH names */
} depot_xml_limits_t;

/** What can differ from directory to directory. */
typedef struct depot_dir_settings_t {
    int depth_infinity;       /**< whether PROPFIND answers Depth: infinity */
    apr_int64_t infinity_max; /**< members in such an answer; 0: any number */
    unsigned name_max;        /**< bytes of a dead property's namespace and name together */
    depot_xml_limits_t xml;
    node_limits_t node;
    apr_int64_t lock_timeout_default; /**< seconds, where the client asks for none */
    apr_int64_t lock_timeout_min;     /**< seconds; shorter ones are lengthened */
    apr_int64_t lock_timeout_max;     /**< seconds; longer ones are shortened; 0: none */
    lock_limits_t lock;
    int relaxed;           /**< whether a power failure may undo what was answered last */
    int hide_forbidden;    /**< whether listings leave out what the user may not look into */
    int hide_others_locks; /**< whether tokens and owners are shown to their user only */
} depot_dir_settings_t;

/** The settings in force for one request. */
typedef struct depot_settings_t {
    store_t *store; /**< the process's open store, or NULL if there is none to use */
    const depot_dir_settings_t *dir;
} depot_settings_t;

/** Finds the settings for R.  Their lifetime is the configuration's. */
typedef depot_settings_t depot_settings_fn(const request_rec *r);

#endif /* PROVIDER_SETTINGS_H */
