/*
 * azl_ctl: what the commands of azurelitctl share.
 *
 * A command gets the words behind its name and returns an exit code. What it
 * was asked for goes to standard output, everything else to standard error.
 */
#ifndef AZL_CTL_H
#define AZL_CTL_H

#include <apr_pools.h>
#include <apr_tables.h>

#define AZL_CTL_OK 0
#define AZL_CTL_FAILED 1 /* the work could not be done, or found a fault */
#define AZL_CTL_USAGE 2  /* the command line makes no sense */

typedef struct azl_ctl_command_t {
    const char *name;
    int (*run)(apr_pool_t *p, int argc, const char *const *argv);
} azl_ctl_command_t;

/* The command argv[0] names in a table that ends with NULL, or a complaint.
 * `what` is the command line so far, `help` what --help prints. */
int azl_ctl_dispatch(apr_pool_t *p, const azl_ctl_command_t *table,
                     const char *what, const char *help, int argc,
                     const char *const *argv);

/* --name VALUE or --name=VALUE, or --name alone; the table ends with NULL. */
typedef struct azl_ctl_option_t {
    const char *name; /* without the dashes */
    const char **value;
    int *flag; /* in place of `value`: set to 1 */
} azl_ctl_option_t;

/* Options are taken out of the words; what is none goes to `rest` (const char
 * *), also a bare "-" and all after "--". Returns -1 to go on, or the exit
 * code when there is nothing more to do: --help has been printed, or a
 * complaint. The complaint never repeats a word that is no option: it may be
 * a key. */
int azl_ctl_options(const char *what, const char *help,
                    const azl_ctl_option_t *options, int argc,
                    const char *const *argv, apr_array_header_t *rest);

/* "azurelitctl: ..." on standard error. */
void azl_ctl_complain(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

int azl_ctl_check(apr_pool_t *p, int argc, const char *const *argv);
int azl_ctl_convert(apr_pool_t *p, int argc, const char *const *argv);
int azl_ctl_key(apr_pool_t *p, int argc, const char *const *argv);
int azl_ctl_status(apr_pool_t *p, int argc, const char *const *argv);
int azl_ctl_usage(apr_pool_t *p, int argc, const char *const *argv);

#endif /* AZL_CTL_H */
