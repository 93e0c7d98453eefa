/*
 * azl_yaml: a YAML document as a tree, with the line of everything in it.
 *
 * The facade of libyaml; src/core/azl_yaml.c is the only file that includes
 * it. A tree lives in the pool it was parsed to and is read-only. What an
 * alias names is in it once, but counts each time it is used: who walks
 * through a tree meets no more than AZL_YAML_NODES_MAX of its nodes. Read as
 * PyYAML's safe loader does (YAML 1.1): plain yes, no, on and off are
 * booleans, << merges a map or a list of maps.
 */
#ifndef AZL_YAML_H
#define AZL_YAML_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "azl_span.h"

/* What a file may have, at most. Ten thousand deployments are a tenth. */
#define AZL_YAML_SIZE_MAX (8 * 1024 * 1024)
#define AZL_YAML_NODES_MAX 1000000
/* Maps in lists in maps. */
#define AZL_YAML_DEPTH_MAX 40

typedef struct azl_yaml_t azl_yaml_t;

typedef enum {
    AZL_YAML_NULL, /* nothing, ~ or null */
    AZL_YAML_SCALAR,
    AZL_YAML_LIST,
    AZL_YAML_MAP
} azl_yaml_type_e;

/* What is to be said of a line, without anything of its text but names. */
typedef struct azl_yaml_note_t {
    int line; /* from 1 */
    const char *text;
} azl_yaml_note_t;

/* 1 and the tree, with a note in `twice` (azl_yaml_note_t) for each key that
 * a map has already: the last one counts. 0 and what is wrong. */
int azl_yaml_parse(apr_pool_t *p, azl_span_t doc, const azl_yaml_t **root,
                   apr_array_header_t *twice, azl_yaml_note_t *wrong);

/* Of NULL: AZL_YAML_NULL. */
azl_yaml_type_e azl_yaml_type(const azl_yaml_t *yaml);
/* Where it begins. */
int azl_yaml_line(const azl_yaml_t *yaml);

/* The entries of a list or of a map; 0 of anything else. */
int azl_yaml_length(const azl_yaml_t *yaml);
/* An entry, 0 <= i < length; of a map its value. */
const azl_yaml_t *azl_yaml_at(const azl_yaml_t *yaml, int i);
/* The key of a map's entry, and the line where it stands. */
const char *azl_yaml_key(const azl_yaml_t *map, int i);
int azl_yaml_key_line(const azl_yaml_t *map, int i);
/* Which entry of a map has this key; -1: none, or this is no map. */
int azl_yaml_find(const azl_yaml_t *map, const char *key);
/* Its value; NULL: none. */
const azl_yaml_t *azl_yaml_get(const azl_yaml_t *map, const char *key);

/* The text of a scalar as it was written (without quotes); NULL if this is
 * none. */
const char *azl_yaml_text(const azl_yaml_t *yaml);
/* 1 if this is a boolean, with its value. */
int azl_yaml_bool(const azl_yaml_t *yaml, int *value);

#endif /* AZL_YAML_H */
