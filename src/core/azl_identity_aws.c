/*
 * AWS's credentials: from the environment, a file as `aws configure` writes
 * it, the endpoint of a container (ECS, EKS Pod Identity) or the metadata of an
 * instance (IMDSv2). Requests are signed with them.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "azl_crypto.h"
#include "azl_file.h"
#include "azl_identity_int.h"
#include "azl_json.h"
#include "azl_time.h"

/* Where AWS has them, unless the environment says otherwise. */
#define CONTAINER_URL "http://169.254.170.2"
#define INSTANCE_URL "http://169.254.169.254"
#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"
/* The session with the metadata service lives as long as it may. */
#define SESSION_HEADER "X-aws-ec2-metadata-token-ttl-seconds: 21600"
/* A file with a few hundred profiles. */
#define FILE_MAX (256 * 1024)
#define DEFAULT_SECTION "default"

static const char *const dialects[] = {"bedrock", "openai", "anthropic", NULL};

/*
 * Region and service
 */

/* bedrock-runtime.REGION.amazonaws.com, bedrock-mantle.REGION.api.aws; an
 * endpoint of a private network has names before that and vpce behind. */
static const char *region_of_host(apr_pool_t *p, const char *host)
{
    static const char *const domains[] = {".amazonaws.com", ".api.aws",
                                          ".vpce.amazonaws.com"};
    const char *service = strstr(host, "bedrock-");
    const char *region = service ? strchr(service, '.') : NULL;
    apr_size_t i, len, n;

    if (!region || (service != host && service[-1] != '.')) {
        return NULL;
    }
    region++;
    n = strcspn(region, ".");
    for (i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
        len = strlen(domains[i]);
        if (strncmp(region + n, domains[i], len) == 0) {
            return apr_pstrmemdup(p, region, n);
        }
    }
    return NULL;
}

static int is_label(const char *text)
{
    const char *at;

    for (at = text; apr_isalnum(*at) || *at == '-'; at++) {
    }
    return at != text && !*at;
}

static const char *configure_place(azl_identity_t *id)
{
    const char *region = id->setup.region;

    region = region ? region : region_of_host(id->pool, id->setup.host);
    region = region ? region : azl_identity_environment("AWS_REGION");
    region = region ? region : azl_identity_environment("AWS_DEFAULT_REGION");
    if (!region || !is_label(region)) {
        return "the region is not known: say region=, for instance "
               "region=us-east-1";
    }
    id->region = apr_pstrdup(id->pool, region);
    id->service = id->setup.service;
    if (!id->service) {
        id->service = strstr(id->setup.host, "bedrock-mantle.")
                          ? "bedrock-mantle"
                          : "bedrock";
    }
    return is_label(id->service) ? NULL
                                 : "service= must be a name such as bedrock";
}

/*
 * Signing
 */

static void read_url(apr_pool_t *p, const char *url, azl_sigv4_t *what)
{
    const char *scheme = strstr(url, "://");
    const char *path = strchr(scheme ? scheme + 3 : url, '/');
    apr_size_t len;

    path = path ? path : "/";
    len = strcspn(path, "?");
    what->path = apr_pstrmemdup(p, path, len);
    what->query = path[len] ? path + len + 1 : NULL;
}

static apr_status_t sign(const azl_identity_t *id, apr_pool_t *p,
                         const azl_identity_value_t *value,
                         const azl_identity_call_t *call, apr_time_t now,
                         apr_table_t *headers)
{
    apr_table_t *also = apr_table_make(p, 1);
    azl_sigv4_t what;

    memset(&what, 0, sizeof(what));
    what.region = id->region;
    what.service = id->service;
    what.method = call->method;
    read_url(p, call->url, &what);
    what.host = call->host;
    if (call->content_type) {
        apr_table_setn(also, "Content-Type", call->content_type);
    }
    what.headers = also;
    what.body = call->body;
    what.npieces = call->npieces;
    return azl_sigv4_sign(p, &what, &value->aws, now, headers);
}

/*
 * From the environment
 */

static const char *take_key(azl_identity_value_t *value, const char *id,
                            const char *secret, const char *token)
{
    if (!azl_identity_is_word(id) || !azl_identity_is_word(secret) ||
        (token && !azl_identity_is_word(token))) {
        return "there is no access key, or a part of it is missing";
    }
    value->aws.id = apr_pstrdup(value->pool, id);
    value->aws.secret = azl_secret_str(value->pool, secret);
    value->aws.token = azl_secret_str(value->pool, token);
    return NULL;
}

static const char *fetch_env(azl_identity_t *id, apr_pool_t *p,
                             azl_identity_value_t *value)
{
    (void)id;
    (void)p;
    return take_key(value, azl_identity_environment("AWS_ACCESS_KEY_ID"),
                    azl_identity_environment("AWS_SECRET_ACCESS_KEY"),
                    azl_identity_environment("AWS_SESSION_TOKEN"))
               ? "the environment lacks AWS_ACCESS_KEY_ID or "
                 "AWS_SECRET_ACCESS_KEY"
               : NULL;
}

const azl_identity_kind_t azl_identity_aws_env = {.name = "aws:env",
                                                  .dialects = dialects,
                                                  .place = 1,
                                                  .configure = configure_place,
                                                  .fetch = fetch_env,
                                                  .authorize = sign};

/*
 * From a file
 */

static const char *configure_file(azl_identity_t *id)
{
    const char *hash = strrchr(id->rest, '#');

    id->path =
        hash ? apr_pstrmemdup(id->pool, id->rest, (apr_size_t)(hash - id->rest))
             : id->rest;
    id->section = hash && hash[1] ? hash + 1 : DEFAULT_SECTION;
    return *id->path == '/' ? configure_place(id)
                            : "the path of the file must begin with /";
}

static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (apr_isspace(*text)) {
        text++;
    }
    while (end > text && apr_isspace(end[-1])) {
        *--end = '\0';
    }
    return text;
}

/* "[name]", also "[profile name]" as in the file of settings. */
static int is_section(char *line, const char *name)
{
    char *end = strchr(line, ']');

    if (end) {
        *end = '\0';
    }
    line = trim(line + 1);
    if (strncmp(line, "profile ", 8) == 0) {
        line = trim(line + 8);
    }
    return strcmp(line, name) == 0;
}

static const char *read_file(azl_identity_t *id, char *text,
                             azl_identity_value_t *value)
{
    static const char *const names[] = {
        "aws_access_key_id", "aws_secret_access_key", "aws_session_token"};
    const char *found[3] = {NULL, NULL, NULL};
    int ours = 0, seen = 0;
    char *state, *line;
    int i;

    for (line = apr_strtok(text, "\r\n", &state); line;
         line = apr_strtok(NULL, "\r\n", &state)) {
        char *equals = strchr(line, '=');

        line = trim(line);
        if (*line == '[') {
            ours = is_section(line, id->section);
            seen |= ours;
        }
        else if (ours && equals && *line != '#' && *line != ';') {
            *equals = '\0';
            for (i = 0; i < 3; i++) {
                if (strcmp(trim(line), names[i]) == 0) {
                    found[i] = trim(equals + 1);
                }
            }
        }
    }
    if (!seen) {
        return "the file has no such profile";
    }
    return take_key(value, found[0], found[1],
                    found[2] && *found[2] ? found[2] : NULL);
}

static const char *fetch_file(azl_identity_t *id, apr_pool_t *p,
                              azl_identity_value_t *value)
{
    azl_span_t content;
    const char *why;
    char *text;

    azl_identity_look(id, p, &id->seen);
    why = azl_identity_read(p, id->path, FILE_MAX, &content);
    if (why) {
        return why;
    }
    text = apr_pstrmemdup(p, content.at, content.len);
    why = read_file(id, text, value);
    azl_crypto_wipe(text, content.len);
    azl_crypto_wipe((char *)content.at, content.len);
    return why;
}

const azl_identity_kind_t azl_identity_aws_file = {
    .name = "aws:file",
    .form = "aws:file:/path or "
            "aws:file:/path#profile",
    .dialects = dialects,
    .place = 1,
    .configure = configure_file,
    .fetch = fetch_file,
    .changed = azl_identity_file_changed,
    .authorize = sign};

/*
 * From a service
 */

static const char *read_document(apr_pool_t *p, azl_span_t answer,
                                 azl_identity_value_t *value)
{
    const char *expires, *token, *problem;
    azl_json_t *json;

    if (azl_json_parse(p, answer, &json)) {
        return "the answer is no JSON";
    }
    expires = azl_json_string(azl_json_get(json, "Expiration"));
    token = azl_json_string(azl_json_get(json, "Token"));
    if (!expires ||
        !azl_time_parse(azl_span_str(expires), &value->expires, NULL)) {
        return "the answer does not say until when it is valid";
    }
    problem =
        take_key(value, azl_json_string(azl_json_get(json, "AccessKeyId")),
                 azl_json_string(azl_json_get(json, "SecretAccessKey")), token);
    azl_json_wipe(azl_json_get(json, "SecretAccessKey"));
    azl_json_wipe(azl_json_get(json, "Token"));
    return problem;
}

/* ... which is nobody else's business. */
static const char *take_document(apr_pool_t *p, azl_span_t answer,
                                 azl_identity_value_t *value)
{
    const char *problem = read_document(p, answer, value);

    azl_crypto_wipe((char *)answer.at, answer.len);
    return problem;
}

static const char *configure_container(azl_identity_t *id)
{
    const char *whole =
        azl_identity_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *path =
        azl_identity_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");

    if (!whole && !path) {
        return "the environment has neither AWS_CONTAINER_CREDENTIALS_FULL_URI "
               "nor AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: this is no "
               "container with a role";
    }
    id->url = path ? apr_pstrcat(id->pool, CONTAINER_URL, path, NULL)
                   : apr_pstrdup(id->pool, whole);
    id->secret_file = apr_pstrdup(
        id->pool,
        azl_identity_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    id->secret = azl_secret_str(
        id->pool,
        azl_identity_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    return configure_place(id);
}

/* What has to be said; NULL is nothing. A file's content changes, too. */
static const char *container_secret(azl_identity_t *id, apr_pool_t *p,
                                    const char **secret)
{
    azl_span_t content;

    *secret = azl_secret_reveal(id->secret);
    if (id->secret_file) {
        if (azl_file_read(p, id->secret_file, FILE_MAX, &content) !=
            APR_SUCCESS) {
            return "the file of the container's token cannot be read";
        }
        *secret = trim(apr_pstrmemdup(p, content.at, content.len));
    }
    return *secret && !azl_identity_is_word(*secret)
               ? "the container's token is none"
               : NULL;
}

static const char *fetch_container(azl_identity_t *id, apr_pool_t *p,
                                   azl_identity_value_t *value)
{
    const char *headers[] = {NULL, NULL};
    const char *secret, *problem;
    azl_span_t answer;

    problem = container_secret(id, p, &secret);
    if (!problem) {
        if (secret) {
            headers[0] = apr_pstrcat(p, "Authorization: ", secret, NULL);
        }
        problem = azl_identity_call(id, p, NULL, id->url, headers, &answer);
    }
    return problem ? problem : take_document(p, answer, value);
}

const azl_identity_kind_t azl_identity_aws_container = {
    .name = "aws:container",
    .dialects = dialects,
    .place = 1,
    .remote = 1,
    .configure = configure_container,
    .fetch = fetch_container,
    .authorize = sign};

static const char *configure_instance(azl_identity_t *id)
{
    const char *url =
        azl_identity_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    char *text = apr_pstrdup(id->pool, url ? url : INSTANCE_URL);
    apr_size_t len = strlen(text);

    while (len && text[len - 1] == '/') {
        text[--len] = '\0';
    }
    id->url = text;
    return configure_place(id);
}

/* The first line, if it is the name of a role. */
static const char *role_name(apr_pool_t *p, azl_span_t answer)
{
    const char *text = apr_pstrmemdup(p, answer.at, answer.len);
    apr_size_t len;

    for (len = 0;
         apr_isalnum(text[len]) || (text[len] && strchr("+=,.@_-", text[len]));
         len++) {
    }
    return len && (!text[len] || apr_isspace(text[len]))
               ? apr_pstrmemdup(p, text, len)
               : NULL;
}

static const char *fetch_instance(azl_identity_t *id, apr_pool_t *p,
                                  azl_identity_value_t *value)
{
    const char *ask[] = {SESSION_HEADER, NULL};
    const char *with[] = {NULL, NULL};
    const char *roles = apr_pstrcat(p, id->url, ROLES_PATH, NULL);
    const char *problem, *session, *role;
    azl_span_t answer;

    problem = azl_identity_call(
        id, p, "PUT", apr_pstrcat(p, id->url, "/latest/api/token", NULL), ask,
        &answer);
    if (problem) {
        return problem;
    }
    session = trim(apr_pstrmemdup(p, answer.at, answer.len));
    if (!azl_identity_is_word(session)) {
        return "the metadata service gave no token";
    }
    with[0] = apr_pstrcat(p, "X-aws-ec2-metadata-token: ", session, NULL);
    problem = azl_identity_call(id, p, NULL, roles, with, &answer);
    if (problem) {
        return problem;
    }
    role = role_name(p, answer);
    if (!role) {
        return "the instance has no role";
    }
    problem = azl_identity_call(id, p, NULL, apr_pstrcat(p, roles, role, NULL),
                                with, &answer);
    return problem ? problem : take_document(p, answer, value);
}

const azl_identity_kind_t azl_identity_aws_instance = {.name = "aws:instance",
                                                       .dialects = dialects,
                                                       .place = 1,
                                                       .remote = 1,
                                                       .configure =
                                                           configure_instance,
                                                       .fetch = fetch_instance,
                                                       .authorize = sign};
