/*
 * azl_hooks: the functions that httpd calls, one file each in src/httpd, in
 * the order mod_azurelit.c registers and explains them.
 */
#ifndef AZL_HOOKS_H
#define AZL_HOOKS_H

#include <apr_buckets.h>
#include <apr_network_io.h>
#include <httpd.h>
#include <ap_mpm.h>

/* azl_lifecycle.c: configuration is complete; processes start. */
int azl_hook_check_config(apr_pool_t *pconf, apr_pool_t *plog,
                          apr_pool_t *ptemp, server_rec *s);
int azl_hook_open_logs(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s);
int azl_hook_post_config(apr_pool_t *pconf, apr_pool_t *plog,
                         apr_pool_t *ptemp, server_rec *s);
void azl_hook_child_init(apr_pool_t *pchild, server_rec *s);
/* ... and end. */
void azl_hook_child_status(server_rec *s, pid_t pid, ap_generation_t gen,
                           int slot, mpm_child_status state);

/* azl_conf_dump.c: `httpd -t -D DUMP_AZURELIT` prints it. */
void azl_hook_test_config(apr_pool_t *pconf, server_rec *s);

/* azl_hold.c: around the processing of a connection. */
int azl_hook_hold_connection(conn_rec *c);
/* ... and where its bytes come from. */
apr_status_t azl_hook_network_bucket(conn_rec *c, apr_bucket_brigade *bb,
                                     apr_socket_t *socket);

/* azl_filter_watch.c: a connection to an upstream is made. */
int azl_hook_pre_connection(conn_rec *c, void *csd);
/* ... and where its bytes come from. */
apr_status_t azl_hook_upstream_bucket(conn_rec *c, apr_bucket_brigade *bb,
                                      apr_socket_t *socket);

/* azl_translate.c: whose request is it, and what is asked? */
int azl_hook_translate_name(request_rec *r);
int azl_hook_map_to_storage(request_rec *r);
int azl_hook_type_checker(request_rec *r);

/* azl_access.c: may the caller? */
int azl_hook_access_checker(request_rec *r);

/* azl_handler.c: the answer. */
int azl_hook_handler(request_rec *r);

/* azl_upstream.c: the request mod_proxy is about to send. */
void azl_upstream_register_hooks(void);

/* azl_error_answer.c: errors in the API's own form. */
int azl_hook_header_parser(request_rec *r);
void azl_hook_insert_error_filter(request_rec *r);

/* azl_log_transaction.c: the usage record and the notes for LogFormat. */
int azl_hook_log_transaction(request_rec *r);

/* The filters, registered once at start. */
void azl_filter_body_register(void);
void azl_filter_reply_register(void);
void azl_watch_register(void);
void azl_lines_register(void);
void azl_error_answer_register(void);

#endif /* AZL_HOOKS_H */
