// The OpenAI chat completions API, as far as pi, opencode, copilot, qwen and cline ask for it.
'use strict';

const errors = { 400: 'invalid_request_error', 401: 'invalid_api_key', 429: 'rate_limit_exceeded', 529: 'server_is_overloaded' };
const reasons = { refusal: 'content_filter', short: 'length' };

exports.name = 'chat';
exports.half = 2;

// The last message of the user, without what agents put around the prompt.
exports.prompt = function (body) {
	const message = body.messages.filter((m) => m.role === 'user').pop();
	const texts = typeof message.content === 'string' ? [message.content] :
		message.content.filter((c) => c.type === 'text').map((c) => c.text);

	return texts.filter((t) => !t.startsWith('<system-reminder>')).pop()
		.replace(/^<current_datetime>.*<\/current_datetime>\s*/, '').replace(/^<user_input[^>]*>|<\/user_input>$/g, '');
};

exports.turns = function (body) {
	return body.messages.filter((m) => m.role === 'assistant').length;
};

const words = { 429: 'Rate limit reached for stand-in on requests per min. Please try again in 2s.' };

exports.error = function (status) {
	return { error: { type: errors[status] || 'server_error', code: errors[status] || null,
		message: words[status] || `stand-in says ${status}` } };
};

const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };

function piece(body, number, delta, finish) {
	return Object.assign({ id: `chatcmpl-${number}`, object: 'chat.completion.chunk', created: 0, model: body.model,
		choices: [{ index: 0, delta, finish_reason: finish }] }, finish ? { usage } : {});
}

exports.whole = function (text, body, number, what) {
	return { id: `chatcmpl-${number}`, object: 'chat.completion', created: 0, model: body.model, usage,
		choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: reasons[what] || 'stop' }] };
};

exports.events = function (text, body, number, what) {
	return [piece(body, number, { role: 'assistant', content: '' }, null), piece(body, number, { content: text }, null),
		piece(body, number, {}, reasons[what] || 'stop'), '[DONE]'];
};
