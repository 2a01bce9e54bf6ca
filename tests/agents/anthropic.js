// The Anthropic Messages API, as far as claude asks for it.
'use strict';

const errors = { 400: 'invalid_request_error', 401: 'authentication_error', 429: 'rate_limit_error', 529: 'overloaded_error' };
const reasons = { refusal: 'refusal', short: 'max_tokens' };

exports.name = 'anthropic';
exports.half = 3;       // events of an answer that is cut off: it has begun, and has text

// The last text of the last message of the user; what claude adds of its own stands before it.
exports.prompt = function (body) {
	return body.messages.filter((m) => m.role === 'user').map(textOf).filter((t) => t !== null).pop();
};

// What the user says in MESSAGE; null: nothing, there is only what a tool has given.
function textOf(message) {
	const texts = typeof message.content === 'string' ? [message.content] :
		message.content.filter((c) => c.type === 'text').map((c) => c.text);

	return (hasResult(message) ? texts.filter((t) => !t.startsWith('<system-reminder>')) : texts).pop() || null;
}

function hasResult(message) {
	return Array.isArray(message.content) && message.content.some((c) => c.type === 'tool_result');
}

// How many answers the conversation has.
exports.turns = function (body) {
	return body.messages.filter((m) => m.role === 'assistant').length;
};

// Whether the tool that was asked for has ended.
exports.toolEnded = function (body) {
	const message = body.messages[body.messages.length - 1];

	return hasResult(message) && textOf(message) === null;
};

exports.error = function (status) {
	return { type: 'error', error: { type: errors[status] || 'api_error', message: `stand-in says ${status}` } };
};

const usage = { input_tokens: 1, output_tokens: 1 };

// Not a stream: so claude asks once more when a stream was cut off.
exports.whole = function (text, body, number, what) {
	return { id: `msg_${number}`, type: 'message', role: 'assistant', model: body.model,
		content: [{ type: 'text', text }], stop_reason: reasons[what] || 'end_turn', stop_sequence: null, usage };
};

// The answer is to run COMMAND.
exports.tool = function (command, body, number, background) {
	const begun = Object.assign(exports.whole('', body, number), { content: [], stop_reason: null });
	const input = Object.assign({ command }, background ? { run_in_background: true } : {});

	return [
		{ type: 'message_start', message: begun },
		{ type: 'content_block_start', index: 0, content_block: { type: 'tool_use', id: `toolu_${number}`, name: 'Bash', input: {} } },
		{ type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: JSON.stringify(input) } },
		{ type: 'content_block_stop', index: 0 },
		{ type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage },
		{ type: 'message_stop' },
	];
};

exports.events = function (text, body, number, what) {
	const begun = Object.assign(exports.whole(text, body, number), { content: [], stop_reason: null });

	return [
		{ type: 'message_start', message: begun },
		{ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
		{ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
		{ type: 'content_block_stop', index: 0 },
		{ type: 'message_delta', delta: { stop_reason: reasons[what] || 'end_turn', stop_sequence: null }, usage },
		{ type: 'message_stop' },
	];
};
