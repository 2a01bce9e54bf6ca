// The OpenAI Responses API, as far as codex asks for it.
'use strict';

const errors = { 400: 'invalid_request_error', 401: 'invalid_api_key', 429: 'rate_limit_exceeded', 529: 'server_is_overloaded' };
const reasons = { refusal: 'content_filter', short: 'max_output_tokens' };

exports.name = 'openai';
exports.half = 3;

exports.prompt = function (body) {
	const message = body.input.filter((m) => m.type === 'message' && m.role === 'user').pop();

	return message.content.map((c) => c.text).join('');
};

exports.error = function (status, plan) {
	if (plan)
		return { error: { type: 'usage_limit_reached', message: 'stand-in says so', plan_type: 'plus', resets_in_seconds: 7200 } };
	return { error: { type: errors[status] || 'server_error', code: errors[status] || null, message: `stand-in says ${status}` } };
};

exports.turns = function (body) {
	return body.input.filter((m) => m.role === 'assistant' || /_call$/.test(m.type)).length;
};

exports.toolEnded = function (body) {
	return /_output$/.test(body.input[body.input.length - 1].type);
};

// The answer is to run COMMAND, by whatever tool codex has for that.
exports.tool = function (command, body, number) {
	const tool = body.tools.find((t) => /^(exec_command|shell|shell_command|local_shell)$/.test(t.name));
	const properties = tool ? tool.parameters.properties : {};
	const input = properties.cmd ? { cmd: command } : properties.command && properties.command.type === 'array' ?
		{ command: ['bash', '-lc', command] } : { command };
	const item = { type: 'function_call', id: `fc_${number}`, call_id: `call_${number}`, name: tool ? tool.name : 'shell',
		arguments: JSON.stringify(input), status: 'completed' };

	return finish([
		{ type: 'response.output_item.added', output_index: 0, item: Object.assign({}, item, { arguments: '' }) },
		{ type: 'response.output_item.done', output_index: 0, item },
	], item, body, number);
};

const usage = { input_tokens: 1, input_tokens_details: null, output_tokens: 1, output_tokens_details: null, total_tokens: 2 };

function finish(events, item, body, number) {
	const response = { id: `resp_${number}`, object: 'response', model: body.model, output: [] };

	return [{ type: 'response.created', response }, ...events,
		{ type: 'response.completed', response: Object.assign({}, response, { output: [item], usage }) }];
}

exports.events = function (text, body, number, what) {
	const item = { type: 'message', id: `msg_${number}`, role: 'assistant', status: 'completed',
		content: [{ type: 'output_text', text, annotations: [] }] };
	const response = { id: `resp_${number}`, object: 'response', model: body.model, output: [] };

	return [
		{ type: 'response.created', response },
		{ type: 'response.output_item.added', output_index: 0, item: Object.assign({}, item, { content: [] }) },
		{ type: 'response.output_text.delta', item_id: item.id, output_index: 0, content_index: 0, delta: text },
		{ type: 'response.output_item.done', output_index: 0, item },
		reasons[what] ?
			{ type: 'response.incomplete', response: Object.assign({}, response, { output: [item], usage,
				status: 'incomplete', incomplete_details: { reason: reasons[what] } }) } :
			{ type: 'response.completed', response: Object.assign({}, response, { output: [item], usage }) },
	];
};
