// Stand-ins for the services that the real agents ask: the Anthropic Messages API, the OpenAI Responses API, the
// OpenAI chat completions API and Google's generateContent, all streaming, on a port of 127.0.0.1 that is free.
//
//     node server.js DIR
//
// DIR/port     the port, once there are answers to be had
// DIR/log      a line a request: its number, the service, what was done, the try, how many answers were before it
// DIR/N        the prompt of request N, as it came
// DIR/outside  who was asked for besides: another path, or, of this server as a proxy, another host
//
// The answer is the same for the same prompt: which service it is, how many bytes it got and their SHA-256,
// and the prompt's first line. A word in that line asks for something else:
//
//     do:STATUS[,after=S]       an error: 400, 401, 429, 500, 529; with a Retry-After of S seconds; 429,plan=1: of
//                               the plan's limit
//     do:hangup                 half an answer, then the end of the connection
//     do:refusal                an answer that the service ended as refused; do:short: for its length; do:empty: no text
//     do:delay=MS               nothing before MS milliseconds have passed
//     do:size=BYTES             an answer of so many bytes
//     do:echo                   the prompt is the answer
//     do:tool[,sleep=S]         first a command is to be run that says something, and sleeps for S seconds; then the answer;
//                               with ,then=STATUS an error instead; with ,background=1 it runs in the background; of
//                               the first two services only
//     do:limit,until=EPOCH      the plan's limit is reached until then, as a login is told it
//
// With ,times=N behind it an error, hangup or delay holds for the first N requests with this prompt.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');

const services = { '/v1/messages': require('./anthropic.js'), '/v1/responses': require('./openai.js'),
	'/v1/chat/completions': require('./chat.js') };
const gemini = require('./gemini.js');
const models = /^\/v1beta\/models\/[^:]*:(streamG|g)enerateContent$/;
const dir = process.argv[2];
const tries = new Map();        // of each service and prompt
let requests = 0;

function note(file, line) {
	fs.appendFileSync(path.join(dir, file), line + '\n');
}

// The words behind do: in the first line, as { what, after, times, ... }.
function order(prompt) {
	const found = /\bdo:([a-z0-9=,]+)/.exec(prompt.split('\n', 1)[0]);
	const o = {};

	for (const word of found ? found[1].split(',') : []) {
		const [name, value] = word.split('=');

		if (value === undefined)
			o.what = name;
		else
			o[name] = Number(value);
	}
	return o;
}

function answer(service, prompt, o) {
	const bytes = Buffer.from(prompt);
	const line = '0123456789abcdef'.repeat(4).slice(1) + '\n';

	if (o.what === 'empty')
		return '';
	if (o.size)
		return line.repeat(Math.ceil(o.size / line.length)).slice(0, o.size - 4) + 'end\n';
	if (o.what === 'echo')
		return prompt;
	return `${service.name} got ${bytes.length} bytes, ${crypto.createHash('sha256').update(bytes).digest('hex')}\n` +
		`${prompt.split('\n', 1)[0]}\n`;
}

function refuse(service, res, status, o) {
	res.writeHead(status, Object.assign({ 'content-type': 'application/json' }, o.after ? { 'retry-after': o.after } : {}));
	res.end(JSON.stringify(service.error(status, o.plan)));
}

// A stream of events; with HALF it is cut off.
function stream(events, res, half) {
	res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
	for (const e of half ? events.slice(0, half) : events)
		res.write((e.type ? `event: ${e.type}\n` : '') + `data: ${typeof e === 'string' ? e : JSON.stringify(e)}\n\n`);
	if (half)
		setTimeout(() => res.destroy(), 50);
	else
		res.end();
}

// The headers by which a login is told of its plan.
function limit(o, res) {
	res.writeHead(429, { 'content-type': 'application/json', 'anthropic-ratelimit-unified-status': 'rejected',
		'anthropic-ratelimit-unified-reset': String(o.until), 'anthropic-ratelimit-unified-representative-claim': 'five_hour' });
	res.end(JSON.stringify({ type: 'error', error: { type: 'rate_limit_error', message: 'stand-in says so' } }));
}

function serve(service, body, res) {
	const prompt = service.prompt(body), o = order(prompt), number = ++requests;
	const key = service.name + prompt, nth = (tries.get(key) || 0) + 1, now = !o.times || nth <= o.times;

	tries.set(key, nth);
	fs.writeFileSync(path.join(dir, String(number)), prompt);
	note('log', `${number} ${service.name} ${now && (o.what || o.delay && 'delay') || 'answer'} ${nth} ${service.turns(body)}`);
	if (now && Number(o.what))
		return refuse(service, res, Number(o.what), o);
	if (now && o.what === 'limit')
		return limit(o, res);
	if (o.what === 'tool' && service.tool && body.stream && !service.toolEnded(body) && (!o.background || nth === 1))
		return stream(service.tool(`echo from the tool; sleep ${o.sleep || 0}`, body, number, o.background), res);
	if (o.what === 'tool' && o.then)
		return refuse(service, res, o.then, o);
	setTimeout(() => {
		const text = answer(service, prompt, o);

		if (body.stream)
			return stream(service.events(text, body, number, o.what), res, now && o.what === 'hangup' && service.half);
		if (now && o.what === 'hangup')
			return res.destroy();
		res.writeHead(200, { 'content-type': 'application/json' });
		res.end(JSON.stringify(service.whole(text, body, number, o.what)));
	}, now && o.delay || 0);
}

// The service that has this path, and what the path itself says of the answer.
function asked(path) {
	const found = models.exec(path);

	return found ? [gemini, { stream: found[1] === 'streamG' }] : [services[path], {}];
}

const server = http.createServer((req, res) => {
	const [service, streams] = asked(req.url.split('?')[0]), pieces = [];

	if (!service || req.method !== 'POST') {
		note('outside', `${req.method} ${req.url}`);
		res.writeHead(404);
		return res.end('{}');
	}
	req.on('data', (piece) => pieces.push(piece));
	req.on('end', () => serve(service, Object.assign(JSON.parse(Buffer.concat(pieces)), streams), res));
});

server.on('connect', (req, socket) => {
	note('outside', `CONNECT ${req.url}`);
	socket.on('error', () => {});           // it may be gone already
	socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
});
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => {
	fs.writeFileSync(path.join(dir, 'port.new'), `${server.address().port}\n`);
	fs.renameSync(path.join(dir, 'port.new'), path.join(dir, 'port'));
});
