/*
 * mod_azurelit: an OpenAI-compatible gateway to Azure OpenAI and others.
 *
 * This page is the whole hook chain, in the order it runs. No logic here: each
 * function is in the file of src/httpd that its comment names.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "azl_conf.h"
#include "azl_crypto.h"
#include "azl_directives.h"
#include "azl_hooks.h"
#include "azl_page.h"

#if !AP_MODULE_MAGIC_AT_LEAST(20120211, 124)
#error "mod_azurelit needs httpd 2.4.54 or later"
#endif

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    return azl_crypto_init(pconf) == APR_SUCCESS ? OK
                                                 : HTTP_INTERNAL_SERVER_ERROR;
}

static void register_hooks(apr_pool_t *p)
{
    static const char *const after_proxy[] = {"mod_proxy.c", "mod_ssl.c", NULL};
    static const char *const before_proxy[] = {"mod_proxy.c", NULL};
    static const char *const before_watchdog[] = {"mod_watchdog.c", NULL};

    (void)p;
    /*
     * Starting up. The digest functions first: directives need them.
     */
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    /* All directives are read: names are resolved, mistakes are told. Runs for
     * `httpd -t` too. [azl_lifecycle.c] */
    ap_hook_check_config(azl_hook_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    /* ... and shown, when asked for. [azl_conf_dump.c] */
    ap_hook_test_config(azl_hook_test_config, NULL, NULL, APR_HOOK_MIDDLE);
    /* The usage log, while we may still open what root may. */
    ap_hook_open_logs(azl_hook_open_logs, NULL, NULL, APR_HOOK_MIDDLE);
    /* Workers and TLS settings, which mod_proxy and mod_ssl must be ready
     * for; probes, which mod_watchdog will start. */
    ap_hook_post_config(azl_hook_post_config, after_proxy, before_watchdog,
                        APR_HOOK_LAST);
    /* Connection pools of this process: mod_proxy opens the mutex they are
     * made under in its own child_init. */
    ap_hook_child_init(azl_hook_child_init, after_proxy, NULL, APR_HOOK_MIDDLE);
    /* What a child that was killed had in flight is forgotten, what it had to
     * write is written. [azl_lifecycle.c] */
    ap_hook_child_status(azl_hook_child_status, NULL, NULL, APR_HOOK_MIDDLE);

    /*
     * A connection: processed inside our hold, so before anybody else.
     * [azl_hold.c]
     */
    ap_hook_process_connection(azl_hook_hold_connection, NULL, NULL,
                               APR_HOOK_REALLY_FIRST);
    /* ... and its bytes come by way of it. */
    ap_hook_insert_network_bucket(azl_hook_network_bucket, NULL, NULL,
                                  APR_HOOK_MIDDLE);

    /* ... one of ours to an upstream: its time limit while a request is sent.
     * [azl_filter_watch.c] */
    ap_hook_pre_connection(azl_hook_pre_connection, NULL, NULL,
                           APR_HOOK_MIDDLE);
    /* ... and the wait for an answer's bytes. */
    ap_hook_insert_network_bucket(azl_hook_upstream_bucket, NULL, NULL,
                                  APR_HOOK_MIDDLE);

    /*
     * A request. Route, key, body, candidates, before mod_proxy or mod_alias
     * can claim the path. [azl_translate.c, azl_plan.c, azl_body_read.c]
     */
    ap_hook_translate_name(azl_hook_translate_name, NULL, before_proxy,
                           APR_HOOK_FIRST);
    /* It is no file: spare the walks. [azl_translate.c] */
    ap_hook_map_to_storage(azl_hook_map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_type_checker(azl_hook_type_checker, NULL, NULL, APR_HOOK_FIRST);
    /* Whoever refuses it, no ErrorDocument of another server answers.
     * [azl_error_answer.c] */
    ap_hook_header_parser(azl_hook_header_parser, NULL, NULL, APR_HOOK_FIRST);
    /* No such key, no such model, a body that cannot be. [azl_access.c] */
    ap_hook_access_checker(azl_hook_access_checker, NULL, NULL,
                           APR_HOOK_MIDDLE);
    /* The attempts. [azl_handler.c, azl_failover.c, azl_candidates.c,
     * azl_attempt.c, azl_upstream.c] */
    ap_hook_handler(azl_hook_handler, NULL, before_proxy, APR_HOOK_FIRST);
    /* ... in each of them, when mod_proxy has made the headers: ours, and the
     * credential. Last, so that nothing is added behind us.
     * [azl_upstream.c] */
    azl_upstream_register_hooks();
    /* Errors in OpenAI's form, whoever made them. [azl_error_answer.c] */
    ap_hook_insert_error_filter(azl_hook_insert_error_filter, NULL, NULL,
                                APR_HOOK_LAST);
    ap_hook_insert_filter(azl_hook_insert_error_filter, NULL, NULL,
                          APR_HOOK_LAST);
    /* The usage record, before mod_log_config reads its notes.
     * [azl_log_transaction.c] */
    ap_hook_log_transaction(azl_hook_log_transaction, NULL, NULL,
                            APR_HOOK_FIRST);

    /* A section of mod_status. [azl_status.c] */
    azl_status_register_hooks();

    /* Filters: an attempt's body [azl_filter_body.c], its time limit while it
     * is sent [azl_filter_watch.c], the lines of the answer
     * [azl_filter_lines.c], the answer [azl_filter_reply.c], an error
     * document's replacement. */
    azl_filter_body_register();
    azl_watch_register();
    azl_lines_register();
    azl_filter_reply_register();
    azl_error_answer_register();
}

AP_DECLARE_MODULE(azurelit) = {STANDARD20_MODULE_STUFF,
                               NULL, /* no <Directory> configuration */
                               NULL,
                               azl_conf_create, /* a server's configuration */
                               azl_conf_merge,
                               azl_directives,
                               register_hooks,
#if defined(AP_MODULE_FLAG_NONE)
                               AP_MODULE_FLAG_NONE
#endif
};
