/*
 * The If header's grammar.
 */
#include "provider/ifheader.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "t/unit/tap.h"

/** The lists written plainly: "tag: !token [etag] ..." joined by "; ". */
static const char *plain(const char *header, apr_pool_t *pool)
{
    apr_array_header_t *lists;
    const char *text = "";

    if (!ifheader_parse(&lists, header, pool))
        return NULL;
    for (int i = 0; i < lists->nelts; i++) {
        const if_list_t *list = &APR_ARRAY_IDX(lists, i, if_list_t);

        text =
            apr_pstrcat(pool, text, i ? "; " : "", list->resource ? list->resource : "", ":", NULL);
        for (int j = 0; j < list->conditions->nelts; j++) {
            const if_condition_t *c = &APR_ARRAY_IDX(list->conditions, j, if_condition_t);

            text = apr_pstrcat(pool, text, " ", c->negated ? "!" : "", c->is_etag ? "[" : "",
                               c->value, c->is_etag ? "]" : "", NULL);
        }
    }
    return text;
}

int main(void)
{
    static const struct {
        const char *header, *plain;
    } cases[] = {
        {"(<a:b>)", ": a:b"},
        {" ( <a:b> ) ", ": a:b"},
        {"(<a:b>)(<c:d>)", ": a:b; : c:d"},
        {"(<a:b> [\"e\"])", ": a:b [\"e\"]"},
        {"([W/\"e f\"] <a:b>)", ": [W/\"e f\"] a:b"},
        {"(Not <a:b>)", ": !a:b"},
        {"(not<a:b> NOT [\"e\"])", ": !a:b ![\"e\"]"},
        {"([\"a]b\"])", ": [\"a]b\"]"},
        {"</x> (<a:b>)", "/x: a:b"},
        {"<http://h/x> (<a:b>) (<c:d>) </y>(<e:f>)", "http://h/x: a:b; http://h/x: c:d; /y: e:f"},
        {"", NULL},
        {"(", NULL},
        {"()", NULL},
        {"(<>)", NULL},
        {"(<a:b>", NULL},
        {"(<a:b", NULL},
        {"(a:b)", NULL},
        {"(Not)", NULL},
        {"(Not Not <a:b>)", NULL},
        {"([e])", NULL},
        {"([\"e)", NULL},
        {"([\"e\")", NULL},
        {"<x>", NULL},
        {"<>(<a:b>)", NULL},
        {"<x> <y> (<a:b>)", NULL},
        {"<x> (<a:b>) <y>", NULL},
        {"(<a:b>) <x> (<c:d>)", NULL},
        {"(<a:b>) x", NULL},
        {"x (<a:b>)", NULL},
    };
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        is_str(plain(cases[i].header, pool), cases[i].plain, "%s", cases[i].header);
    return done_testing();
}
