#include <string.h>

#include "azl_members_int.h"

/* A surface is the set of operations that take its members. */
#define CHAT (1u << AZL_OP_CHAT)
#define COMPLETIONS (1u << AZL_OP_COMPLETIONS)
#define EMBEDDINGS (1u << AZL_OP_EMBEDDINGS)
#define RESPONSES (1u << AZL_OP_RESPONSES)
#define MODERATIONS (1u << AZL_OP_MODERATIONS)
#define IMAGES (1u << AZL_OP_IMAGES_GENERATIONS)
#define EDITS (1u << AZL_OP_IMAGES_EDITS)
#define TRANSCRIPTIONS (1u << AZL_OP_AUDIO_TRANSCRIPTIONS)
#define TRANSLATIONS (1u << AZL_OP_AUDIO_TRANSLATIONS)
#define SPEECH (1u << AZL_OP_AUDIO_SPEECH)
#define RERANK (1u << AZL_OP_RERANK)
#define MESSAGES ((1u << AZL_OP_MESSAGES) | (1u << AZL_OP_COUNT_TOKENS))
#define EVERYWHERE (~0u)
#define NOWHERE 0u

#define M(name, surfaces, flags)                                               \
    {                                                                          \
        name, sizeof(name) - 1, flags, AZL_PARAM_NONE, surfaces                \
    }
/* Members of chats and responses that not every model takes. */
#define P(name, surfaces, param)                                               \
    {                                                                          \
        name, sizeof(name) - 1, 0, AZL_PARAM_##param, surfaces                 \
    }

/* Sorted by length, then by name: azl_member_find() halves it. */
static const azl_member_info_t members[] = {
    P("n", CHAT | COMPLETIONS | IMAGES | EDITS, N),
    M("echo", COMPLETIONS, 0),
    M("file", TRANSCRIPTIONS | TRANSLATIONS, 0),
    M("mask", EDITS, 0),
    P("seed", CHAT | COMPLETIONS, SEED),
    M("size", IMAGES | EDITS, 0),
    P("stop", CHAT | COMPLETIONS, STOP),
    M("text", RESPONSES, 0),
    M("user", CHAT | COMPLETIONS | EMBEDDINGS | RESPONSES | IMAGES | EDITS,
      AZL_MEMBER_CACHE_KEY),
    P("audio", CHAT, AUDIO),
    M("betas", MESSAGES, 0),
    M("image", EDITS, 0),
    M("input", EMBEDDINGS | RESPONSES | MODERATIONS | SPEECH,
      AZL_MEMBER_PROMPT),
    M("model", EVERYWHERE, AZL_MEMBER_GUARDED),
    M("query", RERANK, 0),
    M("speed", SPEECH | MESSAGES, 0),
    M("store", CHAT | RESPONSES, 0),
    M("style", IMAGES, 0),
    P("tools", CHAT | RESPONSES | MESSAGES, TOOLS),
    M("top_k", MESSAGES, 0),
    M("top_n", RERANK, 0),
    P("top_p", CHAT | COMPLETIONS | RESPONSES | MESSAGES, TOP_P),
    M("voice", SPEECH, 0),
    M("images", EDITS, 0),
    M("prompt",
      COMPLETIONS | RESPONSES | IMAGES | EDITS | TRANSCRIPTIONS | TRANSLATIONS,
      AZL_MEMBER_PROMPT),
    M("stream",
      CHAT | COMPLETIONS | RESPONSES | IMAGES | EDITS | TRANSCRIPTIONS |
          MESSAGES,
      AZL_MEMBER_GUARDED),
    M("suffix", COMPLETIONS, 0),
    M("system", MESSAGES, 0),
    M("api_key", NOWHERE, AZL_MEMBER_GUARDED | AZL_MEMBER_REFUSED),
    M("best_of", COMPLETIONS, 0),
    M("include", RESPONSES | TRANSCRIPTIONS, 0),
    M("quality", IMAGES | EDITS, 0),
    M("api_base", NOWHERE, AZL_MEMBER_GUARDED | AZL_MEMBER_REFUSED),
    M("base_url", NOWHERE, AZL_MEMBER_GUARDED | AZL_MEMBER_REFUSED),
    M("language", TRANSCRIPTIONS, 0),
    P("logprobs", CHAT | COMPLETIONS, LOGPROBS),
    M("messages", CHAT | MESSAGES, AZL_MEMBER_PROMPT),
    M("metadata", CHAT | RESPONSES | MESSAGES, 0),
    M("priority", RERANK, 0),
    M("thinking", MESSAGES, 0),
    M("container", MESSAGES, 0),
    M("documents", RERANK, 0),
    M("functions", CHAT, 0),
    P("reasoning", RESPONSES, REASONING),
    M("verbosity", CHAT, 0),
    M("background", RESPONSES | IMAGES | EDITS, 0),
    M("dimensions", EMBEDDINGS, 0),
    M("input_type", EMBEDDINGS, 0),
    P("logit_bias", CHAT | COMPLETIONS, LOGIT_BIAS),
    P("max_tokens", CHAT | COMPLETIONS | MESSAGES, MAX_TOKENS),
    P("modalities", CHAT, MODALITIES),
    M("moderation", CHAT | RESPONSES | IMAGES | EDITS, 0),
    P("prediction", CHAT, PREDICTION),
    M("truncation", RESPONSES, 0),
    M("diagnostics", MESSAGES, 0),
    M("mcp_servers", MESSAGES, 0),
    M("rank_fields", RERANK, 0),
    P("temperature",
      CHAT | COMPLETIONS | RESPONSES | TRANSCRIPTIONS | TRANSLATIONS | MESSAGES,
      TEMPERATURE),
    P("tool_choice", CHAT | RESPONSES | MESSAGES, TOOL_CHOICE),
    M("conversation", RESPONSES, 0),
    M("data_sources", CHAT, 0),
    M("instructions", RESPONSES | SPEECH, AZL_MEMBER_PROMPT),
    M("service_tier", CHAT | RESPONSES | MESSAGES, 0),
    P("top_logprobs", CHAT | RESPONSES, TOP_LOGPROBS),
    M("cache_control", MESSAGES, 0),
    M("function_call", CHAT, 0),
    M("inference_geo", MESSAGES, 0),
    M("output_config", MESSAGES, 0),
    M("output_format", IMAGES | EDITS | MESSAGES, 0),
    M("stream_format", SPEECH, 0),
    M("input_fidelity", EDITS, 0),
    M("max_tool_calls", RESPONSES, 0),
    M("partial_images", IMAGES | EDITS, 0),
    M("stop_sequences", MESSAGES, 0),
    {"stream_options", 14, AZL_MEMBER_GUARDED, AZL_PARAM_STREAM_OPTIONS,
     CHAT | COMPLETIONS | RESPONSES},
    M("encoding_format", EMBEDDINGS, 0),
    M("response_format",
      CHAT | IMAGES | EDITS | TRANSCRIPTIONS | TRANSLATIONS | SPEECH, 0),
    P("presence_penalty", CHAT | COMPLETIONS, PRESENCE_PENALTY),
    M("prompt_cache_key", CHAT | RESPONSES, AZL_MEMBER_CACHE_KEY),
    P("reasoning_effort", CHAT, REASONING_EFFORT),
    M("return_documents", RERANK, 0),
    M("chunking_strategy", TRANSCRIPTIONS, 0),
    P("frequency_penalty", CHAT | COMPLETIONS, FREQUENCY_PENALTY),
    P("max_output_tokens", RESPONSES, MAX_OUTPUT_TOKENS),
    M("safety_identifier", CHAT | RESPONSES, AZL_MEMBER_CACHE_KEY),
    M("context_management", RESPONSES | MESSAGES, 0),
    M("max_chunks_per_doc", RERANK, 0),
    M("max_tokens_per_doc", RERANK, 0),
    M("output_compression", IMAGES | EDITS, 0),
    M("web_search_options", CHAT, 0),
    M("known_speaker_names", TRANSCRIPTIONS, 0),
    P("parallel_tool_calls", CHAT | RESPONSES, PARALLEL_TOOL_CALLS),
    M("previous_response_id", RESPONSES, AZL_MEMBER_GUARDED),
    M("prompt_cache_options", CHAT | RESPONSES, 0),
    P("max_completion_tokens", CHAT, MAX_COMPLETION_TOKENS),
    M("user_security_context", CHAT, 0),
    M("prompt_cache_retention", CHAT | RESPONSES, 0),
    M("timestamp_granularities", TRANSCRIPTIONS, 0),
    M("known_speaker_references", TRANSCRIPTIONS, 0),
};

#define NMEMBERS ((int)(sizeof(members) / sizeof(members[0])))

int azl_member_find(const char *name, apr_size_t len)
{
    int low = 0;
    int high = NMEMBERS;

    if (len == 0 || len > AZL_MEMBER_NAME_MAX) {
        return -1;
    }
    while (low < high) {
        int middle = (low + high) / 2;
        const azl_member_info_t *m = &members[middle];
        int order = (int)len - m->len;

        if (order == 0) {
            order = (unsigned char)name[0] - (unsigned char)m->name[0];
        }
        if (order == 0) {
            order = memcmp(name, m->name, len);
        }
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            high = middle;
        }
        else {
            low = middle + 1;
        }
    }
    return -1;
}

const azl_member_info_t *azl_member_info(int index)
{
    return &members[index];
}

int azl_member_defined(int index, azl_op_e op)
{
    return index >= 0 && (members[index].surfaces & (1u << op)) != 0;
}
