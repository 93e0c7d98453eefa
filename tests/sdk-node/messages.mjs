// What a client of Anthropic's official Node SDK does. Reads settings from
// standard input: {baseURL, key, model, checks: [...]}.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';

const settings = JSON.parse(readFileSync(0, 'utf8'));
const { model } = settings;
const clientWith = (apiKey) => new Anthropic({
  baseURL: settings.baseURL, apiKey, maxRetries: 0,
});
const client = clientWith(settings.key);
const words = 'You said: PROMPT-MARK-node tell me';
const messages = [{ role: 'user', content: 'PROMPT-MARK-node tell me' }];
const ask = { model, max_tokens: 1000, messages };
const schema = (member) => ({
  type: 'object',
  properties: { [member]: { type: 'string' } },
  required: [member],
  additionalProperties: false,
});
const tools = [
  { name: 'weather', description: 'Looks it up', input_schema: schema('city') },
  { name: 'clock', description: 'Looks it up', input_schema: schema('zone') },
];
const calls = (message) => message.content
  .filter((block) => block.type === 'tool_use')
  .map((block) => [block.name, block.input]);

async function refused(promise, kind, status, type) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof kind, String(error));
    assert.equal(error.status, status);
    assert.equal(error.error.type, 'error');
    assert.equal(error.error.error.type, type);
    assert.equal(typeof error.error.error.message, 'string');
    return;
  }
  throw new Error('was not refused');
}

const checks = {
  async plain() {
    const answer = await client.messages.create(ask);
    assert.deepEqual(answer.content.map((block) => block.text), [words]);
    assert.equal(answer.stop_reason, 'end_turn');
    assert.ok(answer.usage.input_tokens > 0);
    assert.ok(answer._request_id);
  },
  async stream() {
    let text = '';
    const kinds = [];
    for await (const event of await client.messages.create({ ...ask, stream: true })) {
      kinds.push(event.type);
      if (event.type === 'content_block_delta') text += event.delta.text;
    }
    assert.equal(text, words);
    assert.equal(kinds[0], 'message_start');
    assert.equal(kinds.at(-1), 'message_stop');
  },
  async stream_helper() {
    const stream = client.messages.stream({ ...ask, tools });
    const parsed = [];
    stream.on('contentBlock', (block) => parsed.push(block.name));
    const final = await stream.finalMessage();
    assert.deepEqual(calls(final), [['weather', { city: 'Paris' }], ['clock', { zone: 'Paris' }]]);
    assert.deepEqual(parsed.slice(-2), ['weather', 'clock']);
    assert.equal(final.stop_reason, 'tool_use');
  },
  async tool_loop() {
    const asked = { ...ask, tools: tools.slice(0, 1) };
    const first = await client.messages.stream(asked).finalMessage();
    const [call] = first.content.filter((block) => block.type === 'tool_use');
    const final = await client.messages.stream({
      ...asked,
      messages: [
        ...messages,
        { role: 'assistant', content: first.content },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: call.id, content: 'sunny' }],
        },
      ],
    }).finalMessage();
    assert.deepEqual(calls(first), [['weather', { city: 'Paris' }]]);
    assert.equal(final.content.at(-1).text, words);
  },
  async structured() {
    const answer = await client.messages.create({
      ...ask,
      output_config: { format: { type: 'json_schema', schema: schema('city') } },
    });
    assert.deepEqual(JSON.parse(answer.content.at(-1).text), { city: 'Paris' });
  },
  async count_tokens() {
    const count = (more) => client.messages.countTokens({ model, messages, ...more });
    const plain = await count({});
    const more = await count({ system: 'Be brief, please.' });
    assert.ok(plain.input_tokens > 0);
    assert.ok(more.input_tokens > plain.input_tokens);
  },
  async unknown_model() {
    await refused(
      client.messages.create({ ...ask, model: 'no-such-model' }),
      Anthropic.NotFoundError, 404, 'not_found_error',
    );
  },
  async unknown_key() {
    await refused(
      clientWith('sk-unknown').messages.create(ask),
      Anthropic.AuthenticationError, 401, 'authentication_error',
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
