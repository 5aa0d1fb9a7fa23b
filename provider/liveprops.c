#include "provider/liveprops.h"

#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>
#include <apr_time.h>
#include <httpd.h>

#include "provider/locktext.h"
#include "provider/xmlbody.h"

/** What is fixed about a live property. */
typedef struct liveprop_info_t {
    const char *ns;
    const char *local;
    const char *open, *close, *empty; /**< its tags */
    unsigned flags;
} liveprop_info_t;

#define ON_FILES 1u
#define ON_COLLECTIONS 2u
#define ON_ALL (ON_FILES | ON_COLLECTIONS)
#define NEEDS_STAT 4u
#define NEEDS_TYPE 8u
#define WRITABLE 16u

#define DAV_PROP(name, bits)                                                                   \
    {                                                                                          \
        .ns = XMLBODY_DAV_NS, .local = name, .open = "<D:" name ">", .close = "</D:" name ">", \
        .empty = "<D:" name "/>", .flags = (bits)                                              \
    }
#define APACHE_PROP(name, bits)                                             \
    {                                                                       \
        .ns = LIVEPROPS_APACHE_NS, .local = name,                           \
        .open = "<" LIVEPROPS_APACHE_PREFIX ":" name ">",                   \
        .close = "</" LIVEPROPS_APACHE_PREFIX ":" name ">", .flags = (bits) \
    }

static const liveprop_info_t infos[LIVEPROP_COUNT] = {
    [LIVEPROP_CREATIONDATE] = DAV_PROP("creationdate", ON_ALL | NEEDS_STAT),
    [LIVEPROP_GETCONTENTLANGUAGE] = DAV_PROP("getcontentlanguage", ON_FILES | NEEDS_TYPE),
    [LIVEPROP_GETCONTENTLENGTH] = DAV_PROP("getcontentlength", ON_FILES | NEEDS_STAT),
    [LIVEPROP_GETCONTENTTYPE] = DAV_PROP("getcontenttype", ON_ALL | NEEDS_TYPE),
    [LIVEPROP_GETETAG] = DAV_PROP("getetag", ON_ALL | NEEDS_STAT),
    [LIVEPROP_GETLASTMODIFIED] = DAV_PROP("getlastmodified", ON_ALL | NEEDS_STAT),
    [LIVEPROP_LOCKDISCOVERY] = DAV_PROP("lockdiscovery", ON_ALL),
    [LIVEPROP_RESOURCETYPE] = DAV_PROP("resourcetype", ON_ALL),
    [LIVEPROP_SUPPORTEDLOCK] = DAV_PROP("supportedlock", ON_ALL),
    [LIVEPROP_EXECUTABLE] = APACHE_PROP("executable", ON_FILES | NEEDS_STAT | WRITABLE),
};

liveprop_e liveprop_find(const char *ns, const char *local)
{
    for (int prop = LIVEPROP_NONE + 1; prop < LIVEPROP_COUNT; prop++) {
        if (strcmp(infos[prop].local, local) == 0 && strcmp(infos[prop].ns, ns) == 0)
            return (liveprop_e)prop;
    }
    return LIVEPROP_NONE;
}

const char *liveprop_ns(liveprop_e prop)
{
    return infos[prop].ns;
}

const char *liveprop_local(liveprop_e prop)
{
    return infos[prop].local;
}

int liveprop_is_writable(liveprop_e prop)
{
    return (infos[prop].flags & WRITABLE) != 0;
}

int liveprop_needs_stat(liveprop_e prop)
{
    return (infos[prop].flags & NEEDS_STAT) != 0;
}

int liveprop_needs_type(liveprop_e prop)
{
    return (infos[prop].flags & NEEDS_TYPE) != 0;
}

int liveprop_is_defined(liveprop_e prop, int collection)
{
    return (infos[prop].flags & (collection ? ON_COLLECTIONS : ON_FILES)) != 0;
}

/** Write N in DIGITS decimal digits. */
static char *put_digits(char *to, int n, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = (char)('0' + n % 10);
        n /= 10;
    }
    return to + digits;
}

static void exploded_time(apr_time_exp_t *exploded, apr_int64_t ns)
{
    apr_int64_t seconds = ns / 1000000000 - (ns % 1000000000 < 0);

    apr_time_exp_gmt(exploded, seconds * APR_USEC_PER_SEC);
}

/** The internet date-time of RFC 3339, as RFC 4918 section 15.1 wants it. */
static const char *creationdate(char *buf, const filestat_t *st)
{
    apr_int64_t ns = st->birth_ns;
    apr_time_exp_t t;
    char *at = buf;

    /* Without a birth time the older of the other two comes closest. */
    if (ns == 0)
        ns = st->mtime_ns < st->ctime_ns ? st->mtime_ns : st->ctime_ns;
    exploded_time(&t, ns);
    at = put_digits(at, t.tm_year + 1900, 4);
    *at++ = '-';
    at = put_digits(at, t.tm_mon + 1, 2);
    *at++ = '-';
    at = put_digits(at, t.tm_mday, 2);
    *at++ = 'T';
    at = put_digits(at, t.tm_hour, 2);
    *at++ = ':';
    at = put_digits(at, t.tm_min, 2);
    *at++ = ':';
    at = put_digits(at, t.tm_sec, 2);
    *at++ = 'Z';
    *at = '\0';
    return buf;
}

/** The IMF-fixdate of RFC 9110 section 5.6.7; as apr_rfc822_date(), from its tables. */
static const char *getlastmodified(char *buf, const filestat_t *st)
{
    apr_time_exp_t t;
    char *at = buf;

    exploded_time(&t, st->mtime_ns);
    memcpy(at, apr_day_snames[t.tm_wday], 3);
    at += 3;
    *at++ = ',';
    *at++ = ' ';
    at = put_digits(at, t.tm_mday, 2);
    *at++ = ' ';
    memcpy(at, apr_month_snames[t.tm_mon], 3);
    at += 3;
    *at++ = ' ';
    at = put_digits(at, t.tm_year + 1900, 4);
    *at++ = ' ';
    at = put_digits(at, t.tm_hour, 2);
    *at++ = ':';
    at = put_digits(at, t.tm_min, 2);
    *at++ = ':';
    at = put_digits(at, t.tm_sec, 2);
    memcpy(at, " GMT", 5);
    return buf;
}

static const char *getcontentlength(char *buf, const filestat_t *st)
{
    char *at = buf + LIVEPROP_VALUE_SIZE - 1;
    apr_uint64_t n = st->size;

    *at = '\0';
    do {
        *--at = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return at;
}

static const char *resourcetype(const liveprop_source_t *source, apr_pool_t *pool)
{
    const char *own = source->collection ? "<D:collection/>" : "";

    return source->more_types ? apr_pstrcat(pool, own, source->more_types, NULL) : own;
}

const char *liveprop_value(liveprop_e prop, const liveprop_source_t *source, char *buf,
                           apr_pool_t *pool)
{
    if (!liveprop_is_defined(prop, source->collection))
        return NULL;

    switch (prop) {
    case LIVEPROP_CREATIONDATE:
        return creationdate(buf, source->st);
    case LIVEPROP_GETCONTENTLANGUAGE:
        return source->content_language ? ap_escape_html(pool, source->content_language) : NULL;
    case LIVEPROP_GETCONTENTLENGTH:
        return getcontentlength(buf, source->st);
    case LIVEPROP_GETCONTENTTYPE:
        return source->content_type ? ap_escape_html(pool, source->content_type) : NULL;
    case LIVEPROP_GETETAG:
        buf[filestat_etag(buf, source->st)] = '\0';
        return buf;
    case LIVEPROP_GETLASTMODIFIED:
        return getlastmodified(buf, source->st);
    case LIVEPROP_LOCKDISCOVERY:
        return source->active_locks ? source->active_locks : "";
    case LIVEPROP_SUPPORTEDLOCK:
        return locktext_supported;
    case LIVEPROP_RESOURCETYPE:
        return resourcetype(source, pool);
    case LIVEPROP_EXECUTABLE:
        return source->st->mode & S_IXUSR ? "T" : "F";
    case LIVEPROP_NONE:
    case LIVEPROP_COUNT:
        break;
    }
    return NULL;
}

void liveprop_write(output_t *out, liveprop_e prop, const char *value)
{
    if (*value == '\0') {
        output_puts(out, infos[prop].empty);
        return;
    }
    output_puts(out, infos[prop].open);
    output_puts(out, value);
    output_puts(out, infos[prop].close);
}
