#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Node.js: an HTTP server of three workers (cluster), a client with kept connections and `fetch`, half
closed streams, an abort, and datagrams."""
import pathlib

from harness import expect, main

SERVER = """
const cluster = require('cluster'), http = require('http');
const [address, port] = [process.argv[2], +process.argv[3]];
if (cluster.isPrimary) {
    let up = 0;
    for (let i = 0; i < 3; i++) cluster.fork();
    cluster.on('listening', () => { if (++up == 3) console.log('ready'); });
} else {
    http.createServer((request, response) => {
        let n = 0;
        request.on('data', chunk => { n += chunk.length; });
        request.on('end', () => response.end(JSON.stringify({pid: process.pid, n, url: request.url})));
    }).listen(port, address);
}
"""
CLIENT = """
const http = require('http'), net = require('net'), dgram = require('dgram'), assert = require('assert');
const [address, port, count] = [process.argv[2], +process.argv[3], +process.argv[4]];
const at = address.includes(':') ? `[${address}]` : address;
const agent = new http.Agent({keepAlive: true, maxSockets: 8});
function post(body) {
    return new Promise((resolve, reject) => {
        const request = http.request({host: address, port, method: 'POST', path: '/x', agent}, response => {
            let text = '';
            response.on('data', chunk => { text += chunk; });
            response.on('end', () => resolve(JSON.parse(text)));
        });
        request.on('error', reject);
        request.end(body);
    });
}
async function streams() {
    const server = net.createServer({allowHalfOpen: true}, socket => {
        let n = 0;
        socket.on('data', chunk => { n += chunk.length; });
        socket.on('end', () => socket.end(String(n)));
        socket.on('error', () => {});
    });
    await new Promise(done => server.listen(0, address, done));
    const text = await new Promise((resolve, reject) => {
        let text = '';
        const socket = net.connect(server.address().port, address);
        socket.on('data', chunk => { text += chunk; });
        socket.on('close', () => resolve(text));
        socket.on('error', reject);
        socket.end(Buffer.alloc(100000));
    });
    assert.strictEqual(text, '100000');
    const gone = net.connect(server.address().port, address);
    await new Promise(done => gone.on('connect', done));
    gone.resetAndDestroy();
    await new Promise(done => server.close(done));
    const error = await new Promise(done => net.connect(1, address).on('error', done));
    assert.strictEqual(error.code, 'ECONNREFUSED');
}
async function datagrams() {
    const type = address.includes(':') ? 'udp6' : 'udp4';
    const a = dgram.createSocket(type), b = dgram.createSocket(type);
    await new Promise(done => a.bind(0, address, done));
    const heard = new Promise(done => a.on('message', (data, from) => done([String(data), from.address])));
    const timer = setInterval(() => b.send('hello', a.address().port, address), 50);
    assert.deepStrictEqual(await heard, ['hello', address]);
    clearInterval(timer);
    a.close();
    b.close();
}
(async () => {
    const answers = await Promise.all(Array.from({length: count}, (_, i) => post(Buffer.alloc(i * 100))));
    answers.forEach((answer, i) => assert.strictEqual(answer.n, i * 100));
    assert.ok(new Set(answers.map(answer => answer.pid)).size > 1);
    const answer = await (await fetch(`http://${at}:${port}/fetched`)).json();
    assert.strictEqual(answer.url, '/fetched');
    agent.destroy();
    await streams();
    await datagrams();
    console.log('all well');
    process.exit(0);
})();
"""
PORT = 8080


def body(case, programs):
    pathlib.Path("server.js").write_text(SERVER)
    pathlib.Path("client.js").write_text(CLIENT)
    server = programs.start("node", "server.js", case.address, PORT)
    server.wait_for("ready")
    count = 30 if case.lossy else 300
    expect("the client", programs.run("node", "client.js", case.address, PORT, count), "all well\n")


main(body, ["node"])
