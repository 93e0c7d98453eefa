#include "azl_unfit.h"

#include <string.h>

#include <apr_strings.h>

#define MORE ",..."

void azl_unfit_member(apr_pool_t *p, const char *name, azl_error_t *err)
{
    azl_error_invalid(err, "unsupported_parameter", name,
                      apr_psprintf(p,
                                   "Unsupported parameter: '%s' is not "
                                   "supported with this model.",
                                   name));
}

void azl_unfit_value(apr_pool_t *p, const char *name, azl_span_t value,
                     const char *taken, azl_error_t *err)
{
    azl_error_invalid(err, "unsupported_value", name,
                      apr_psprintf(p,
                                   "Unsupported value: '%.*s' is not supported "
                                   "with this model. Supported values are: %s.",
                                   (int)value.len, value.at, taken));
}

/* As many whole names as there is room for. */
static const char *cut(apr_pool_t *p, const char *names)
{
    apr_size_t len = AZL_UNFIT_NAMES_MAX - (sizeof(MORE) - 1);

    while (len > 0 && names[len] != ',') {
        --len;
    }
    return apr_pstrcat(p, apr_pstrmemdup(p, names, len), MORE, NULL);
}

const char *azl_unfit_names(apr_pool_t *p, const char *const *lists, int n)
{
    const char *names = NULL;
    int i;

    for (i = 0; i < n; ++i) {
        if (lists[i]) {
            names =
                names ? apr_pstrcat(p, names, ",", lists[i], NULL) : lists[i];
        }
    }
    return names && strlen(names) > AZL_UNFIT_NAMES_MAX ? cut(p, names) : names;
}
