/*
 * azl_identity: tokens of Entra. What the configuration and the environment
 * come to, what services answer and until when that is good. The whole way is
 * tested with httpd.
 */
#include <stdlib.h>

#include "../../src/core/azl_identity_int.h"
#include "identity_fixture.h"

#define HOST "res.openai.azure.com"
#define SECRET ENTRA_SECRET
#define CLIENT "11111111-2222-3333-4444-555555555555"
#define TENANT "contoso.example"
#define RESOURCE "/subscriptions/s/resourcegroups/g/providers/x/identities/i"

static azl_identity_setup_t setup_of(const char *source)
{
    return identity_setup(source, "azure", HOST);
}

static const char *create(const char *source, azl_identity_t **id)
{
    azl_identity_setup_t setup = setup_of(source);

    return azl_identity_create(azl_test_pool, &setup, id);
}

static azl_identity_t *made(const char *source)
{
    azl_identity_setup_t setup = setup_of(source);

    return identity_made(&setup);
}

/*
 * The configuration
 */

#define FILE_MARK "@FILE@"

static const struct {
    const char *source;
    const char *environment; /* FILE_MARK is the path of a file */
    const char *hint;        /* NULL: it is right */
} forms[] = {
    {"managed-identity", "", NULL},
    {"managed-identity:", "", "managed-identity:CLIENT-ID"},
    {"managed-identity:" CLIENT, "", NULL},
    {"managed-identity:a b", "", "managed-identity:CLIENT-ID"},
    {"managed-identity:object-id:" CLIENT, "", NULL},
    {"managed-identity:object-id:", "", "managed-identity:CLIENT-ID"},
    {"managed-identity:" RESOURCE, "", NULL},
    {"managed-identity", "IDENTITY_ENDPOINT=http://x/ IDENTITY_HEADER=h", NULL},
    {"managed-identity:" RESOURCE,
     "IDENTITY_ENDPOINT=http://x/ IDENTITY_HEADER=h", NULL},
    {"managed-identity",
     "IDENTITY_ENDPOINT=http://x/ IDENTITY_HEADER=h "
     "IDENTITY_SERVER_THUMBPRINT=t",
     "Service Fabric"},
    {"managed-identity", "IDENTITY_ENDPOINT=http://x/", "Azure Arc"},
    {"managed-identity:" CLIENT, "MSI_ENDPOINT=http://x MSI_SECRET=s", NULL},
    {"managed-identity:" RESOURCE, "MSI_ENDPOINT=http://x MSI_SECRET=s",
     "cannot be asked for"},
    {"managed-identity",
     "MSI_ENDPOINT=http://x MSI_SECRET=s DEFAULT_IDENTITY_CLIENT_ID=a/b",
     "managed-identity:CLIENT-ID"},
    {"managed-identity", "DEFAULT_IDENTITY_CLIENT_ID=a/b", NULL},
    {"managed-identity", "MSI_ENDPOINT=localhost:80/x", "MSI_ENDPOINT of"},
    {"managed-identity", "IDENTITY_ENDPOINT=x IDENTITY_HEADER=h",
     "IDENTITY_ENDPOINT of"},
    {"managed-identity", "AZURE_POD_IDENTITY_AUTHORITY_HOST=127.0.0.1",
     "AZURE_POD_IDENTITY_AUTHORITY_HOST of"},
    {"managed-identity", "MSI_ENDPOINT=http://x", NULL},
    {"managed-identity:" CLIENT, "MSI_ENDPOINT=http://x",
     "cannot be asked for"},
    {"workload-identity", "", "AZURE_TENANT_ID"},
    {"workload-identity",
     "AZURE_TENANT_ID=t AZURE_FEDERATED_TOKEN_FILE=" FILE_MARK,
     "AZURE_CLIENT_ID"},
    {"workload-identity:" CLIENT,
     "AZURE_TENANT_ID=t AZURE_FEDERATED_TOKEN_FILE=" FILE_MARK, NULL},
    {"workload-identity:a/b",
     "AZURE_TENANT_ID=t AZURE_FEDERATED_TOKEN_FILE=" FILE_MARK, "ids such"},
    {"workload-identity",
     "AZURE_TENANT_ID=t AZURE_CLIENT_ID=c "
     "AZURE_FEDERATED_TOKEN_FILE=/no/such/file",
     "cannot be read"},
    {"service-principal", "", "service-principal:TENANT"},
    {"service-principal:" TENANT, "", "service-principal:TENANT"},
    {"service-principal:" TENANT "/" CLIENT, "", "service-principal:TENANT"},
    {"service-principal:" TENANT "/" CLIENT ":" SECRET, "",
     "service-principal:TENANT"},
    {"service-principal:" CLIENT ":a/b", "", "service-principal:TENANT"},
    {"service-principal:" TENANT "/:env:ENTRA_SECRET", "", "ids such"},
    {"service-principal:" TENANT "/" CLIENT ":env:NO_SUCH_NAME", "",
     "NO_SUCH_NAME"},
    {"service-principal:" TENANT "/" CLIENT ":env:ENTRA_SECRET", "", NULL},
    {"service-principal:" TENANT "/" CLIENT ":env:ENTRA_SECRET",
     "AZURE_AUTHORITY_HOST=ftp://x", "AZURE_AUTHORITY_HOST"},
    {"azure-default", "", NULL},
    {"azure-default:x", "", "no such kind"},
};

START_TEST(what_may_be_said)
{
    const char *path = azl_test_file("federated", "a-token\n");
    const char *environment = forms[_i].environment;
    const char *mark = strstr(environment, FILE_MARK);
    const char *problem;
    azl_identity_t *id;

    if (mark) {
        environment =
            apr_pstrcat(azl_test_pool,
                        apr_pstrmemdup(azl_test_pool, environment,
                                       (apr_size_t)(mark - environment)),
                        path, NULL);
    }
    identity_environment(environment);
    problem = create(forms[_i].source, &id);
    if (!forms[_i].hint) {
        ck_assert_msg(!problem, "%s: %s", forms[_i].source, problem);
        ck_assert_int_eq(azl_identity_changes(id), 1);
        return;
    }
    ck_assert_ptr_nonnull(problem);
    ck_assert_msg(strstr(problem, forms[_i].hint) != NULL, "%s", problem);
    ck_assert_ptr_null(strstr(problem, SECRET));
}
END_TEST

START_TEST(no_secret_is_shown)
{
    ck_assert_str_eq(azl_identity_shown(azl_test_pool,
                                        "service-principal:" TENANT "/" CLIENT
                                        ":" SECRET),
                     "service-principal:...");
    ck_assert_str_eq(azl_identity_shown(azl_test_pool,
                                        "service-principal:" TENANT "/" CLIENT
                                        ":env:A"),
                     "service-principal:" TENANT "/" CLIENT ":env:A");
}
END_TEST

/* The first that the environment has. */
START_TEST(what_there_is)
{
    const char *path = azl_test_file("federated", "a-token\n");

    identity_environment("");
    ck_assert_ptr_eq(made("azure-default")->kind, &azl_identity_managed);
    ck_assert_ptr_null(made("azure-default")->client);
    identity_environment("AZURE_CLIENT_ID=" CLIENT);
    ck_assert_ptr_eq(made("azure-default")->kind, &azl_identity_managed);
    ck_assert_str_eq(made("azure-default")->client, CLIENT);
    identity_environment(apr_pstrcat(azl_test_pool,
                                     "AZURE_CLIENT_ID=c AZURE_TENANT_ID=t "
                                     "AZURE_FEDERATED_TOKEN_FILE=",
                                     path, NULL));
    ck_assert_ptr_eq(made("azure-default")->kind, &azl_identity_workload);
    setenv("AZURE_CLIENT_SECRET", SECRET, 1);
    ck_assert_ptr_eq(made("azure-default")->kind, &azl_identity_principal);
    ck_assert_str_eq(made("azure-default")->tenant, "t");
    ck_assert_str_eq(made("azure-default")->client, "c");
}
END_TEST

#define BRICKS "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"

static const struct {
    const char *host;
    const char *dialect;
    const char *said; /* scope=, or NULL */
    const char *scope;
    const char *resource;
} scopes[] = {
    {HOST, "azure", NULL, "https://cognitiveservices.azure.com/.default",
     "https://cognitiveservices.azure.com"},
    {HOST, "openai", NULL, "https://cognitiveservices.azure.com/.default",
     "https://cognitiveservices.azure.com"},
    {"res.services.ai.azure.com", "anthropic", NULL,
     "https://ai.azure.com/.default", "https://ai.azure.com"},
    {"x", "databricks", NULL, BRICKS "/.default", BRICKS},
    {"adb-1.2.azuredatabricks.net", "anthropic", NULL, BRICKS "/.default",
     BRICKS},
    {HOST, "azure", "api://own", "api://own", "api://own"},
    {HOST, "azure", "https://ai.azure.com/.default",
     "https://ai.azure.com/.default", "https://ai.azure.com"},
};

START_TEST(what_for)
{
    azl_identity_setup_t setup = setup_of("managed-identity");
    azl_identity_t *id;

    identity_environment("");
    setup.host = scopes[_i].host;
    setup.dialect = scopes[_i].dialect;
    setup.scope = scopes[_i].said;
    ck_assert_ptr_null(azl_identity_create(azl_test_pool, &setup, &id));
    ck_assert_str_eq(id->scope, scopes[_i].scope);
    ck_assert_str_eq(azl_identity_resource(id, azl_test_pool),
                     scopes[_i].resource);
}
END_TEST

static const struct {
    const char *url;
    const char *resource;
} vaults[] = {
    {"https://v.vault.azure.net/secrets/a", "https://vault.azure.net"},
    {"https://v.vault.azure.cn/secrets/a", "https://vault.azure.cn"},
    {"https://v.vault.azure.cn:443/secrets/a", "https://vault.azure.cn"},
    {"https://V.VAULT.USGOVCLOUDAPI.NET/secrets/a",
     "https://vault.usgovcloudapi.net"},
    {"https://v.privatelink.vaultcore.azure.net/secrets/a",
     "https://vault.azure.net"},
    {"https://vault.azure.cn/secrets/a", "https://vault.azure.net"},
    {"https://nvault.azure.cn/secrets/a", "https://vault.azure.net"},
    {"https://v.vault.azure.cn.example/secrets/a", "https://vault.azure.net"},
    {"http://127.0.0.1:8080/secrets/v.vault.azure.cn",
     "https://vault.azure.net"},
};

START_TEST(what_for_a_vault)
{
    azl_identity_t *id;

    identity_environment("");
    id = made(apr_pstrcat(azl_test_pool, "keyvault:", vaults[_i].url, NULL));
    ck_assert_str_eq(azl_identity_resource(id->inner, azl_test_pool),
                     vaults[_i].resource);
}
END_TEST

START_TEST(what_does_not_go_together)
{
    azl_identity_setup_t setup = setup_of("managed-identity");
    azl_identity_t *id;

    identity_environment("");
    setup.scope = "two words";
    ck_assert_ptr_nonnull(
        strstr(azl_identity_create(azl_test_pool, &setup, &id), "scope="));
    setup.scope = NULL;
    setup.dialect = "gemini";
    ck_assert_ptr_nonnull(
        strstr(azl_identity_create(azl_test_pool, &setup, &id), "databricks"));
    setup.source = "google:metadata";
    setup.scope = "x";
    ck_assert_ptr_nonnull(
        strstr(azl_identity_create(azl_test_pool, &setup, &id), "scope= is"));
}
END_TEST

START_TEST(places)
{
    azl_identity_t *id;

    identity_environment("AZURE_AUTHORITY_HOST=login.example.org/");
    id = made("service-principal:" TENANT "/" CLIENT ":env:ENTRA_SECRET");
    ck_assert_str_eq(id->authority, "https://login.example.org");
    identity_environment("AZURE_AUTHORITY_HOST=http://127.0.0.1:1//");
    id = made("service-principal:" TENANT "/" CLIENT ":env:ENTRA_SECRET");
    ck_assert_str_eq(id->authority, "http://127.0.0.1:1");
    azl_identity_hosts(id, NULL, NULL);
    ck_assert_str_eq(id->authority, "http://127.0.0.1:1");
    azl_identity_hosts(id, "https://own", "http://near");
    ck_assert_str_eq(id->authority, "https://own");
    identity_environment("");
    id = made("service-principal:" TENANT "/" CLIENT ":env:ENTRA_SECRET");
    ck_assert_str_eq(id->authority, "https://login.microsoftonline.com");
    id = made("managed-identity");
    ck_assert_str_eq(id->metadata, "http://169.254.169.254");
    identity_environment(
        "AZURE_POD_IDENTITY_AUTHORITY_HOST=http://127.0.0.1:1/");
    id = made("managed-identity");
    ck_assert_str_eq(id->metadata, "http://127.0.0.1:1");
    azl_identity_hosts(id, "https://own", "http://near");
    ck_assert_str_eq(id->metadata, "http://near");
}
END_TEST

static void name_of(azl_identity_t *id,
                    unsigned char name[AZL_SEAL_FINGERPRINT_LEN])
{
    azl_identity_name(id, azl_test_pool, name);
}

/* Who hangs is known by where it is asked, and what is the same by what is
 * said of it. */
START_TEST(who_and_where)
{
    unsigned char one[AZL_SEAL_FINGERPRINT_LEN];
    unsigned char other[AZL_SEAL_FINGERPRINT_LEN];
    azl_identity_t *machine, *principal;

    identity_environment("");
    machine = made("managed-identity");
    principal =
        made("service-principal:" TENANT "/" CLIENT ":env:ENTRA_SECRET");
    azl_identity_hosts(machine, "https://own/x", "http://near/y");
    azl_identity_hosts(principal, "https://own/x", "http://near/y");
    ck_assert_str_eq(azl_identity_provider(machine, azl_test_pool),
                     "http://near");
    ck_assert_str_eq(azl_identity_provider(principal, azl_test_pool),
                     "https://own");
    name_of(machine, one);
    name_of(made("managed-identity"), other);
    ck_assert_int_ne(memcmp(one, other, sizeof(one)), 0);
    machine = made("managed-identity");
    name_of(machine, one);
    ck_assert_int_eq(memcmp(one, other, sizeof(one)), 0);
    name_of(made("managed-identity:" CLIENT), other);
    ck_assert_int_ne(memcmp(one, other, sizeof(one)), 0);
    name_of(principal, other);
    ck_assert_int_ne(memcmp(one, other, sizeof(one)), 0);
}
END_TEST

/*
 * Until when
 */

static const struct {
    const char *text;
    apr_int64_t moment; /* 0: that is none */
} moments[] = {
    {"1795262400", NOON},
    {"11/21/2026 12:00:00", NOON},
    {"11/21/2026 12:00:00 +00:00", NOON},
    {"11/21/2026 12:00:00 PM +00:00", NOON},
    {"11/21/2026 01:00:00 PM +01:00", NOON},
    {"11/21/2026 12:00:00 AM +00:00", NOON - 12 * 3600},
    {"11/21/2026 11:00:00 AM -01:00", NOON},
    {"2026-11-21 12:00:00", NOON},
    {"2026-11-21 13:00:00+01:00", NOON},
    {"2026-11-21T12:00:00Z", NOON},
    {"2026-11-21T12:00:00.000Z", NOON},
    {"2026-11-21T13:00:00+01:00", NOON},
    {"", 0},
    {"soon", 0},
    {"13/21/2026 12:00:00", 0},
    {"11/21/2026 25:00:00", 0},
    {"11/21/2026", 0},
    {"11/21/2026 12:00:00 XM", 0},
    {"2026-11-21 12:00:00 and more", 0},
    {"99999999999999999999", 0},
    {"-1", 0},
};

START_TEST(a_moment)
{
    apr_time_t t;
    int good = azl_identity_moment(azl_test_pool, moments[_i].text, &t);

    ck_assert_int_eq(good, moments[_i].moment != 0);
    if (good) {
        ck_assert_int_eq(apr_time_sec(t), moments[_i].moment);
    }
}
END_TEST

static const struct {
    const char *members;
    apr_int64_t seconds; /* from now; 0: it does not say */
    apr_int64_t refresh_in;
} lives[] = {
    {"\"expires_in\":3599", 3599, 0},
    {"\"expires_in\":\"3599\"", 3599, 0},
    {"\"expires_in\":3599,\"expires_on\":\"1\"", 3599, 0},
    {"\"expires_on\":1795266000", 3600, 0},
    {"\"expires_on\":\"1795266000\"", 3600, 0},
    {"\"expires_on\":\"11/21/2026 13:00:00\"", 3600, 0},
    {"\"expires_on\":\"2026-11-21 13:00:00\"", 3600, 0},
    {"\"expires_on\":\"2026-11-21T13:00:00Z\"", 3600, 0},
    {"\"expires_in\":86399,\"refresh_in\":43199", 86399, 43199},
    {"\"expires_in\":86399,\"refresh_in\":\"43199\"", 86399, 43199},
    {"\"expires_in\":86399,\"refresh_in\":-1", 86399, 0},
    {"\"expires_in\":0", 0, 0},
    {"\"expires_in\":-5", 0, 0},
    {"\"expires_in\":\"\"", 0, 0},
    {"\"expires_in\":\"5s\"", 0, 0},
    {"\"expires_in\":99999999999", 0, 0},
    {"\"expires_on\":0", 0, 0},
    {"\"expires_in\":99999999999999", 0, 0},
    {"\"expires_on\":99999999999999", 0, 0},
    {"\"expires_on\":\"99999999999999\"", 0, 0},
    {"\"expires_on\":\"later\"", 0, 0},
    {"\"expires_on\":[]", 0, 0},
    {"\"expires_on\":null", 0, 0},
};

START_TEST(how_long)
{
    azl_identity_value_t value;
    const char *problem;

    memset(&value, 0, sizeof(value));
    value.pool = azl_test_pool;
    problem = azl_identity_take_token(
        azl_test_pool,
        azl_span_str(apr_pstrcat(azl_test_pool, "{\"access_token\":\"t\",",
                                 lives[_i].members, "}", NULL)),
        NOW, &value);
    if (!lives[_i].seconds) {
        ck_assert_ptr_nonnull(strstr(problem, "how long"));
        return;
    }
    ck_assert_ptr_null(problem);
    ck_assert_int_eq(apr_time_sec(value.expires - NOW), lives[_i].seconds);
    ck_assert_int_eq(apr_time_sec(value.refresh_in), lives[_i].refresh_in);
}
END_TEST

/*
 * Refusals
 */

static const struct {
    int status;
    const char *body;
    const char *hint;
    int hopeless;
} refusals[] = {
    {401, "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}",
     "401 invalid_client AADSTS7000215: the client's secret is wrong", 1},
    {400, "{\"error\":\"unauthorized_client\",\"error_codes\":[700016]}",
     "AADSTS700016: there is no such application", 1},
    {400, "{\"error\":\"" SECRET "\",\"error_codes\":[1]}",
     "400 AADSTS1: is this", 1},
    {400,
     "{\"error\":\"invalid_request\",\"error_description\":"
     "\"Identity not found " SECRET "\"}",
     "400 invalid_request: this machine has no such identity", 1},
    {400, "{\"error\":\"invalid_scope\",\"error_codes\":[-5]}",
     "400 invalid_scope: this account", 1},
    {429, "{\"error_codes\":\"x\"}", "429: it has troubles", 0},
    {410, "", "410: is this", 0},
    {404, "<html>" SECRET, "404: is this", 0},
    {503, "{}", "503: it has troubles", 0},
    {403, "[]", "403: the account is not accepted", 1},
};

START_TEST(refused)
{
    azl_identity_value_t value;
    azl_http_answer_t got;
    const char *problem;
    azl_identity_t *id;

    identity_environment("");
    id = made("managed-identity");
    memset(&got, 0, sizeof(got));
    got.status = refusals[_i].status;
    got.body = azl_span_str(refusals[_i].body);
    problem = azl_identity_token_of(id, azl_test_pool, &got, NOW, &value);
    ck_assert_ptr_nonnull(problem);
    ck_assert_msg(strstr(problem, refusals[_i].hint) != NULL, "%s", problem);
    ck_assert_ptr_null(strstr(problem, SECRET));
    ck_assert_int_eq(id->hopeless, refusals[_i].hopeless);
}
END_TEST

TCase *azl_test_identity_entra(void)
{
    TCase *tc = azl_test_tcase("identity_entra");

    tcase_add_loop_test(tc, what_may_be_said, 0, N(forms));
    tcase_add_test(tc, no_secret_is_shown);
    tcase_add_test(tc, what_there_is);
    tcase_add_loop_test(tc, what_for, 0, N(scopes));
    tcase_add_loop_test(tc, what_for_a_vault, 0, N(vaults));
    tcase_add_test(tc, what_does_not_go_together);
    tcase_add_test(tc, places);
    tcase_add_test(tc, who_and_where);
    tcase_add_loop_test(tc, a_moment, 0, N(moments));
    tcase_add_loop_test(tc, how_long, 0, N(lives));
    tcase_add_loop_test(tc, refused, 0, N(refusals));
    return tc;
}
