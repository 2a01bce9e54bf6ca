// Google's generateContent and streamGenerateContent, as far as gemini asks for them.
'use strict';

const errors = { 400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 429: 'RESOURCE_EXHAUSTED', 500: 'INTERNAL' };
const reasons = { refusal: 'SAFETY', short: 'MAX_TOKENS' };

exports.name = 'gemini';
exports.half = 1;

// The last text of the user.
exports.prompt = function (body) {
	const content = body.contents.filter((c) => c.role === 'user' && c.parts.some((p) => p.text)).pop();

	return content.parts.filter((p) => p.text).pop().text;
};

exports.turns = function (body) {
	return body.contents.filter((c) => c.role === 'model').length;
};

const words = { 429: 'You exceeded your current quota, please check your plan and billing details. Please retry in 2.5s.' };

exports.error = function (status) {
	return { error: { code: status, status: errors[status] || 'UNAVAILABLE', message: words[status] || `stand-in says ${status}` } };
};

exports.whole = function (text, body, number, what) {
	return { responseId: `r${number}`, usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
		candidates: [{ index: 0, content: { role: 'model', parts: [{ text }] }, finishReason: reasons[what] || 'STOP' }] };
};

// Cut off, it has text and no reason for its end.
exports.events = function (text, body, number, what) {
	const first = exports.whole(text, body, number, what);

	delete first.candidates[0].finishReason;
	return [first, exports.whole('', body, number, what)];
};
