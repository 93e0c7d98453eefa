// What a client of the official Node SDK does. Reads settings from standard
// input: {kind: "openai"|"azure", baseURL, key, model, checks: [...]}.
import assert from 'node:assert/strict';
import { File } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import OpenAI, { AzureOpenAI, toFile } from 'openai';

// Node 18 has it, but not everywhere.
globalThis.File ??= File;

const settings = JSON.parse(readFileSync(0, 'utf8'));
const { model } = settings;
const client = settings.kind === 'azure'
  ? new AzureOpenAI({
    endpoint: settings.baseURL, apiKey: settings.key,
    apiVersion: '2024-10-21', maxRetries: 0,
  })
  : new OpenAI({
    baseURL: settings.baseURL, apiKey: settings.key, maxRetries: 0,
  });
const words = 'You said: PROMPT-MARK-node tell me';
const messages = [{ role: 'user', content: 'PROMPT-MARK-node tell me' }];
const parameters = (member) => ({
  type: 'object',
  properties: { [member]: { type: 'string' } },
  required: [member],
  additionalProperties: false,
});
const tools = [
  { type: 'function', function: { name: 'weather', strict: true, parameters: parameters('city') } },
  { type: 'function', function: { name: 'clock', strict: true, parameters: parameters('zone') } },
];

async function refused(promise, kind, status) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof kind, String(error));
    assert.equal(error.status, status);
    // Ours always have one; the service's own do not.
    if (settings.strict) assert.equal(typeof error.code, 'string');
    return error;
  }
  throw new Error('was not refused');
}

const checks = {
  async chat() {
    const answer = await client.chat.completions.create({ model, messages });
    assert.equal(answer.choices[0].message.content, words);
    assert.ok(answer._request_id);
  },
  async stream() {
    let text = '';
    let usage;
    const stream = await client.chat.completions.create({
      model, messages, stream: true, stream_options: { include_usage: true },
    });
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, words);
    assert.equal(usage.completion_tokens, 5);
  },
  async stream_helper() {
    const runner = client.chat.completions.stream({ model, messages, tools });
    const final = await runner.finalChatCompletion();
    const calls = final.choices[0].message.tool_calls;
    assert.deepEqual(calls.map((call) => call.function.name), ['weather', 'clock']);
    assert.deepEqual(JSON.parse(calls[0].function.arguments), { city: 'Paris' });
  },
  async stream_helper_many() {
    const runner = client.chat.completions.stream({
      model, messages, n: 2, logprobs: true,
    });
    const final = await runner.finalChatCompletion();
    assert.deepEqual(
      final.choices.map((choice) => choice.message.content),
      [words, `${words} (choice 1)`],
    );
    assert.equal(
      final.choices[0].logprobs.content.map((one) => one.token).join(''), words,
    );
  },
  async run_tools() {
    const asked = [];
    const runner = client.chat.completions.runTools({
      model,
      messages,
      stream: true,
      tools: [{
        type: 'function',
        function: {
          name: 'weather',
          parse: JSON.parse,
          parameters: parameters('city'),
          function: (given) => { asked.push(given.city); return 'sunny'; },
        },
      }],
    });
    assert.equal(await runner.finalContent(), words);
    assert.deepEqual(asked, ['Paris']);
  },
  async structured() {
    const answer = await client.chat.completions.parse({
      model,
      messages,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'capital', strict: true, schema: parameters('city') },
      },
    });
    assert.deepEqual(JSON.parse(answer.choices[0].message.content), { city: 'Paris' });
  },
  async embeddings() {
    const input = ['one', 'two three'];
    const packed = await client.embeddings.create({ model, input });
    const plain = await client.embeddings.create({ model, input, encoding_format: 'float' });
    assert.deepEqual(
      packed.data.map((item) => Array.from(item.embedding)),
      plain.data.map((item) => item.embedding),
    );
  },
  async responses() {
    const first = await client.responses.create({ model, input: 'PROMPT-MARK-node one' });
    assert.equal(first.output_text, 'You said: PROMPT-MARK-node one');
    const second = await client.responses.create({
      model, input: 'two', previous_response_id: first.id,
    });
    assert.equal(second.output_text, 'You said: PROMPT-MARK-node one / two');
    assert.equal((await client.responses.retrieve(first.id)).id, first.id);
    const items = await client.responses.inputItems.list(first.id);
    assert.equal(items.data[0].content[0].text, 'PROMPT-MARK-node one');
    await client.responses.delete(first.id);
    await refused(client.responses.retrieve(first.id), OpenAI.NotFoundError, 404);
  },
  async responses_stream() {
    const stream = client.responses.stream({
      model,
      input: 'PROMPT-MARK-node one',
      tools: tools.map((tool) => ({ type: 'function', ...tool.function })),
    });
    const kinds = [];
    for await (const event of stream) kinds.push(event.type);
    const final = await stream.finalResponse();
    assert.deepEqual(final.output.map((item) => item.name), ['weather', 'clock']);
    assert.equal(kinds.at(-1), 'response.completed');
  },
  async responses_unstored() {
    const input = [{ role: 'user', content: 'PROMPT-MARK-node tell me' }];
    const answer = await client.responses.create({ model, input, store: false });
    assert.equal(answer.output_text, words);
    const stream = client.responses.stream({ model, input, store: false });
    let text = '';
    for await (const event of stream) {
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    const final = await stream.finalResponse();
    assert.equal(text, words);
    assert.equal(final.output_text, words);
    assert.equal(final.usage.output_tokens, 5);
  },
  async audio() {
    const sound = Buffer.alloc(70000, 'abc');
    const answer = await client.audio.transcriptions.create({
      model, file: await toFile(sound, 'a.wav'),
    });
    const digest = createHash('sha256').update(sound).digest('hex');
    assert.equal(answer.text, `sha256 ${digest}`);
    const speech = await client.audio.speech.create({ model, voice: 'alloy', input: 'x' });
    assert.ok((await speech.arrayBuffer()).byteLength > 1000);
  },
  async images() {
    const made = await client.images.generate({ model, prompt: 'PROMPT-MARK-node' });
    const png = Buffer.from(made.data[0].b64_json, 'base64');
    const edited = await client.images.edit({
      model, prompt: 'x', image: await toFile(png, 'a.png', { type: 'image/png' }),
    });
    assert.equal(edited.data.length, 1);
  },
  async unknown_model() {
    await refused(
      client.chat.completions.create({ model: 'no-such-model', messages }),
      OpenAI.NotFoundError, 404,
    );
  },
  async unknown_key() {
    const other = settings.kind === 'azure'
      ? new AzureOpenAI({
        endpoint: settings.baseURL, apiKey: 'sk-unknown',
        apiVersion: '2024-10-21', maxRetries: 0,
      })
      : new OpenAI({ baseURL: settings.baseURL, apiKey: 'sk-unknown', maxRetries: 0 });
    await refused(
      other.chat.completions.create({ model, messages }),
      OpenAI.AuthenticationError, 401,
    );
  },
};

const results = {};
for (const name of settings.checks ?? Object.keys(checks)) {
  try {
    await checks[name]();
    results[name] = 'ok';
  } catch (error) {
    results[name] = String(error.stack ?? error);
  }
}
process.stdout.write(JSON.stringify(results));
